use leptos::prelude::*;
use qrcode::{Color, QrCode};

/// Modules of white around the picture (ISO/IEC 18004).
const QUIET: usize = 4;

/// The side of the picture in modules, and the path of its dark ones.
pub fn qr_path(picture: &QrCode) -> (usize, String) {
    let width = picture.width();
    let dark = picture.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let modules = dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + QUIET, at / width + QUIET));
    (width + 2 * QUIET, modules.collect::<Vec<_>>().concat())
}

/// A picture that phones read: black on white in every theme, since that is what cameras read.
#[component]
pub fn QrPicture(picture: QrCode, label: &'static str) -> impl IntoView {
    let (side, path) = qr_path(&picture);
    view! {
        <svg class="qr" role="img" aria-label=label viewBox=format!("0 0 {side} {side}") shape-rendering="crispEdges">
            <path class="qr-light" d=format!("M0 0h{side}v{side}h-{side}z") />
            <path class="qr-dark" d=path />
        </svg>
    }
}
