use std::time::Duration;

use leptos::leptos_dom::helpers::set_interval;
use leptos::prelude::*;

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(4);

/// Loads the page again now and then, but not while something is being typed. Without scripts a link does it.
#[island]
pub fn AutoRefresh() -> impl IntoView {
    Effect::new(move || {
        let look = || {
            let typing = document().active_element().is_some_and(|element| element.tag_name() == "INPUT");
            if !typing {
                // A page that cannot be loaded again stays as it is: its link still works.
                let _ = window().location().reload();
            }
        };
        set_interval(look, EVERY);
    });
}
