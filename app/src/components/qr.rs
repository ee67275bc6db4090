use leptos::prelude::*;
use qrcode::{Color, QrCode};

/// Modules of white around the picture (ISO/IEC 18004).
const QUIET: usize = 4;

/// A picture that phones read: black on white in every theme, since that is what cameras read.
#[component]
pub fn QrPicture(picture: QrCode, label: &'static str) -> impl IntoView {
    let width = picture.width();
    let dark = picture.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let modules = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET));
    let path = modules.collect::<Vec<_>>().concat();
    let side = width + 2 * QUIET;
    view! {
        <svg class="qr" role="img" aria-label=label viewBox=format!("0 0 {side} {side}") shape-rendering="crispEdges">
            <path class="qr-light" d=format!("M0 0h{side}v{side}h-{side}z") />
            <path class="qr-dark" d=path />
        </svg>
    }
}
