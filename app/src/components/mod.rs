//! Pieces that pages share.

mod chart;
mod difference;
mod language;
mod layout;
mod meter;
mod money;
mod notice_words;
mod page;
mod pager;
mod qr;
mod region;
mod secrets;
mod sources;
mod tariff;
mod tariff_body;
mod tariff_words;
mod text_area;
mod title;
mod typical;
mod words;

pub use charging::quantity::data_size;
pub use chart::{Bar, BarChart};
pub use difference::{TariffDifference, element_name};
pub use layout::{DisplayTools, Footer, Header, MeLayout, current};
pub use meter::Meter;
pub use money::Yuan;
pub use notice_words::kind_text;
pub use page::{NotFound, PageError, PageResult, page};
pub use pager::Pager;
pub use qr::{QrPicture, qr_path};
pub use region::{REGIONS, region_name};
pub use secrets::{CodeField, PasswordField};
pub use tariff::{PriceLine, TariffFacts, TariffPrice, TermsInWords, elements};
pub use tariff_body::{TariffBody, TariffPreview};
pub use tariff_words::{allowances_in_words, kind_name, terms_in_words};
pub use text_area::TextArea;
pub use title::document_title;
pub use typical::TypicalMonths;
pub use words::{
    clock_text, day_text, month_name, month_text, operator_name, quantity_text, service_text, short_day_text, time_text,
};
