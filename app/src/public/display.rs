//! Language and print size, remembered in cookies. Forms, so that they work without scripts and leave no trace in links.

use leptos::prelude::*;

use crate::request::{local_path, redirect, remember};

/// Chooses the language of every page.
#[server(endpoint = "language")]
pub async fn choose_language(language: String, next: String) -> Result<(), ServerFnError> {
    remember("lang", if language == "en" { "en" } else { "zh-CN" });
    redirect(local_path(&next));
    Ok(())
}

/// Chooses large print (大字版) or the usual size.
#[server(endpoint = "display")]
pub async fn choose_print(print: String, next: String) -> Result<(), ServerFnError> {
    remember("print", if print == "large" { "large" } else { "normal" });
    redirect(local_path(&next));
    Ok(())
}
