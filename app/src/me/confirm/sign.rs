//! 手写签名 The third way to say yes: drawn, or for those who draw nothing the name; both with the code that was sent, so
//! that every yes comes from who holds the phone.

use charging::sign_in::code::Usable;
use leptos::prelude::*;

use super::code_field;
use crate::i18n::{Locale, td_string};
use crate::islands::SignaturePad;

/// The ways to sign; the words on their buttons begin with `confirm`'s. What is drawn goes with the form `answer`, whose
/// field of the code stands above.
pub(super) fn forms(l: Locale, request_id: &str, code: Usable, confirm: &'static str) -> AnyView {
    view! {
        <section class="stack-tight" aria-labelledby="sign">
            <h3 id="sign">{td_string!(l, me.sign_title)}</h3>
            <SignaturePad>
                <p class="hint" id="sign-field">{td_string!(l, me.sign_hint)}</p>
                <div class="buttons">
                    <button class="button" form="answer" formaction="/api/consent_signature">
                        {td_string!(l, me.sign_confirm, what = confirm)}
                    </button>
                    <button class="button" form="refuse">{td_string!(l, me.code_refuse)}</button>
                    <button class="button" type="button" data-sign="undo">{td_string!(l, me.sign_undo)}</button>
                    <button class="button" type="button" data-sign="clear">{td_string!(l, me.sign_clear)}</button>
                </div>
            </SignaturePad>
            <form class="sign" method="post" action="/api/consent_name">
                <h4>{td_string!(l, me.sign_typed)}</h4>
                <input type="hidden" name="request_id" value=request_id.to_owned() />
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
        </section>
    }
    .into_any()
}
