use leptos::ev::{MouseEvent, PointerEvent};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, HtmlElement};

/// The field in units, of which a point is a whole number; the server accepts no other.
const WIDTH: i32 = 600;
const HEIGHT: i32 = 240;
/// The server takes no more.
const STROKES_MAX: usize = 200;
const POINTS_MAX: usize = 5_000;
/// A line is drawn through points at least so far apart, in units.
const STEP: i32 = 3;

type Line = Vec<(i32, i32)>;

/// A field to sign on with a finger, a pen or a mouse, which adds the lines to the form `answer` of the page. It shows them as the
/// server will draw them, as a vector; nothing that the browser painted is sent. What the page puts below says with
/// `data-sign` which buttons take back a line (`undo`) and all of them (`clear`). Without scripts the page offers the name
/// and the code instead, and this stays hidden.
#[island]
pub fn SignaturePad(children: Children) -> impl IntoView {
    let ready = RwSignal::new(false);
    let lines = RwSignal::new(Vec::<Line>::new());
    let drawing = RwSignal::new(false);
    Effect::new(move || ready.set(true));
    let down = move |event: PointerEvent| {
        event.prevent_default();
        if let Some((field, at)) = place(&event) {
            // A pointer that cannot be held draws as long as it stays inside.
            let _ = field.set_pointer_capture(event.pointer_id());
            drawing.set(lines.with_untracked(Vec::len) < STROKES_MAX);
            if drawing.get_untracked() {
                lines.update(|lines| lines.push(vec![at]));
            }
        }
    };
    let moved = move |event: PointerEvent| {
        if let (true, Some((_, at))) = (drawing.get_untracked(), place(&event)) {
            extend(lines, at);
        }
    };
    let up = move |_: PointerEvent| drawing.set(false);
    let pressed = move |event: MouseEvent| match button(&event).as_deref() {
        Some("undo") => lines.update(|lines| drop(lines.pop())),
        Some("clear") => lines.update(Vec::clear),
        _ => {}
    };
    let path = move || lines.with(|lines| lines.iter().map(drawn).collect::<String>());
    let strokes = move || lines.with(|lines| format!("[{}]", lines.iter().map(written).collect::<Vec<_>>().join(",")));
    view! {
        <div class="sign" hidden=move || !ready.get() on:click=pressed>
            <input type="hidden" name="strokes" form="answer" prop:value=strokes />
            <div
                class="sign-field"
                role="img"
                aria-labelledby="sign-field"
                on:pointerdown=down
                on:pointermove=moved
                on:pointerup=up
                on:pointercancel=up
            >
                <svg viewBox="0 0 600 240" aria-hidden="true">
                    <path d=path />
                </svg>
            </div>
            {children()}
        </div>
    }
}

/// What a pressed button is for.
fn button(event: &MouseEvent) -> Option<String> {
    let pressed: Element = event.target()?.dyn_into().ok()?;
    pressed.closest("[data-sign]").ok()??.get_attribute("data-sign")
}

/// The field and where on it a pointer is; a second finger draws nothing.
fn place(event: &PointerEvent) -> Option<(HtmlElement, (i32, i32))> {
    if !event.is_primary() {
        return None;
    }
    let field: HtmlElement = event.current_target()?.dyn_into().ok()?;
    let (width, height) = (field.client_width().max(1), field.client_height().max(1));
    let at =
        ((event.offset_x() * WIDTH / width).clamp(0, WIDTH), (event.offset_y() * HEIGHT / height).clamp(0, HEIGHT));
    Some((field, at))
}

/// The line goes on to a point, where that is far enough from the last.
fn extend(lines: RwSignal<Vec<Line>>, at: (i32, i32)) {
    let is_far = lines.with_untracked(|lines| {
        let last = lines.last().and_then(|line| line.last());
        let points: usize = lines.iter().map(Vec::len).sum();
        points < POINTS_MAX && last.is_some_and(|last| (last.0 - at.0).abs() + (last.1 - at.1).abs() >= STEP)
    });
    if is_far {
        lines.update(|lines| {
            if let Some(line) = lines.last_mut() {
                line.push(at);
            }
        });
    }
}

fn drawn(line: &Line) -> String {
    let points: Vec<String> = line.iter().map(|(x, y)| format!("{x} {y}")).collect();
    // A dot is a line to itself.
    let dot = if let [point] = &points[..] { format!("L{point}") } else { String::new() };
    format!("M{}{dot}", points.join("L"))
}

fn written(line: &Line) -> String {
    let points: Vec<String> = line.iter().map(|(x, y)| format!("{x},{y}")).collect();
    format!("[{}]", points.join(","))
}
