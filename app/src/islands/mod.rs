//! The parts of pages that are compiled to wasm. Each works on what the server has rendered, and the page is complete
//! without it.

mod auto_refresh;
mod auto_submit;
mod signature_pad;

pub use auto_refresh::AutoRefresh;
pub use auto_submit::AutoSubmit;
pub use signature_pad::SignaturePad;
