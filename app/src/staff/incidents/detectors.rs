use charging::incident::detector::store::{Setting, settings};
use charging::staff::Permission;
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::{detector_name, detector_text, parameter_name};
use super::{answer, back, may};
use crate::components::{page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::locale;
use crate::state::AppState;

/// `/staff/incidents/detectors`: what is looked for, and from which figures on.
#[component]
pub fn DetectorsPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let answer = answer(l);
        async move {
            let may_set = may(Permission::HandleIncidents)?;
            let settings = settings(&mut *state.pool.acquire().await?).await?;
            let cards = settings.into_iter().map(|setting| card(l, setting, may_set)).collect_view();
            Ok(view! {
                <Title text=td_string!(l, incident.detectors) />
                {back(l)}
                <div class="stack-tight">
                    <h1>{td_string!(l, incident.detectors)}</h1>
                    <p class="muted">{td_string!(l, incident.detectors_lead)}</p>
                </div>
                {answer}
                <div class="grid">{cards}</div>
            })
        }
    })
}

fn card(l: Locale, setting: Setting, may_set: bool) -> AnyView {
    let (class, words) = if setting.enabled {
        ("tag on", td_string!(l, incident.detector_on))
    } else {
        ("tag warn", td_string!(l, incident.detector_off))
    };
    let since = match &setting.set_by {
        Some(name) => td_string!(l, incident.set_by, name = name.clone(), time = time_text(l, setting.set_at)),
        None => td_string!(l, incident.as_delivered).to_owned(),
    };
    let version = setting.version;
    let (name, text) = (detector_name(l, setting.detector), detector_text(l, setting.detector));
    let figures = if may_set { form(l, &setting) } else { facts(l, &setting) };
    view! {
        <section class="card">
            <div class="row spread">
                <h2>{name}</h2>
                <span class=class>{words}</span>
            </div>
            <p>{text}</p>
            {figures}
            <p class="small muted">{td_string!(l, incident.version, n = version)} " · " {since}</p>
        </section>
    }
    .into_any()
}

/// Its figures, for who may only read them.
fn facts(l: Locale, setting: &Setting) -> AnyView {
    let parameters = setting.detector.parameters().iter();
    let facts = parameters
        .map(|parameter| {
            view! {
                <div>
                    <dt>{parameter_name(l, *parameter)}</dt>
                    <dd>{setting.figures.get(parameter.name).copied()}</dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class="facts">{facts}</dl> }.into_any()
}

/// Its figures, to be changed.
fn form(l: Locale, setting: &Setting) -> AnyView {
    let detector = setting.detector;
    let fields = detector
        .parameters()
        .iter()
        .map(|parameter| {
            let id = format!("{detector}-{}", parameter.name);
            let value = setting.figures.get(parameter.name).map(ToString::to_string).unwrap_or_default();
            view! {
                <div class="field">
                    <label for=id.clone()>{parameter_name(l, *parameter)}</label>
                    <input
                        id=id
                        name=parameter.name
                        type="number"
                        value=value
                        min=parameter.min.to_string()
                        max=parameter.max.to_string()
                        required
                    />
                </div>
            }
        })
        .collect_view();
    view! {
        <form class="stack-tight" method="post" action="/staff/api/set_detector">
            <input type="hidden" name="detector" value=detector.as_str() />
            {fields}
            <label class="choice">
                <input type="checkbox" name="enabled" value="on" checked=setting.enabled />
                <span>{td_string!(l, incident.detector_works)}</span>
            </label>
            <button class="button" type="submit">{td_string!(l, incident.save)}</button>
        </form>
    }
    .into_any()
}
