//! 手写签名 The third way to say yes, beside the code: drawn, or for those who draw nothing the name with the code.

use leptos::prelude::*;

use super::{Pending, code_field};
use crate::i18n::{Locale, td_string};
use crate::islands::SignaturePad;

/// The forms that sign; the words on their buttons begin with `confirm`'s.
pub(super) fn forms(l: Locale, pending: &Pending, confirm: &'static str) -> AnyView {
    let request_id = pending.request.request_id.to_string();
    let named = pending.code.map(|code| {
        view! {
            <form class="sign" method="post" action="/api/consent_name">
                <h4>{td_string!(l, me.sign_typed)}</h4>
                <input type="hidden" name="request_id" value=request_id.clone() />
                <div class="field">
                    <label for="signed-name">{td_string!(l, me.sign_name)}</label>
                    <input id="signed-name" name="name" autocomplete="name" maxlength="100" required />
                </div>
                {code_field(l, code, "signed-code")}
                <div class="buttons">
                    <button class="button">{td_string!(l, me.sign_confirm, what = confirm)}</button>
                    <button class="button" form="refuse">{td_string!(l, me.code_refuse)}</button>
                </div>
            </form>
        }
    });
    view! {
        <section class="stack-tight" aria-labelledby="sign">
            <h3 id="sign">{td_string!(l, me.sign_title)}</h3>
            <SignaturePad>
                <input type="hidden" name="request_id" value=request_id />
                <p class="hint" id="sign-field">{td_string!(l, me.sign_hint)}</p>
                <div class="buttons">
                    <button class="button">{td_string!(l, me.sign_confirm, what = confirm)}</button>
                    <button class="button" form="refuse">{td_string!(l, me.code_refuse)}</button>
                    <button class="button" type="button" data-sign="undo">{td_string!(l, me.sign_undo)}</button>
                    <button class="button" type="button" data-sign="clear">{td_string!(l, me.sign_clear)}</button>
                </div>
            </SignaturePad>
            {named}
        </section>
    }
    .into_any()
}
