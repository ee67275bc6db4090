//! The parts of pages that are compiled to wasm. Each works on what the server has rendered, and the page is complete
//! without it.

mod auto_refresh;
mod auto_submit;
mod draft_check;
mod signature_pad;

pub use auto_refresh::AutoRefresh;
pub use auto_submit::AutoSubmit;
pub use draft_check::DraftCheck;
pub use signature_pad::SignaturePad;
