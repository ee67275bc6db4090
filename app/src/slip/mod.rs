//! 订单凭证 The slip of an order or a raised cap as a PDF: what was asked, what was answered, the tariff as it was public, and the proof of it
//! inside, so that the file can be checked by itself (`charging::consent::proof`). Bills, itemised lists and the
//! reports of incidents look alike ([`papers`], [`incident`]).

mod face;
mod incident;
mod pages;
mod papers;
mod table;

use charging::consent::key::SigningKey;
use charging::consent::proof;
use charging::order::agreement::{About, Agreement};
use charging::subscriber::Subscriber;
use http::request::Parts;
use krilla::Document;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;

pub use self::incident::{IncidentReport, incident_paper};
pub use self::papers::{bill_paper, family_paper, months_paper, records_paper};

use self::face::Face;
use self::pages::{HEIGHT, Pages, WIDTH};
use crate::components::{elements, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::agreement_words::{facts, slip_title, step_text};
use crate::me::proof::{Answered, asked_intro, by_text, channel_text, joined, method_text, said};
use crate::request::locale_of_request;

/// Why a slip could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlipError {
    #[error("the font that was built in cannot be read")]
    Font,
    #[error("the evidence holds a time or a method that cannot be read")]
    Evidence,
    #[error("the PDF cannot be written")]
    Pdf,
}

/// Writes and signs the slip of an agreement, in the language of the request.
///
/// # Errors
/// When what is stored cannot be read, or the PDF cannot be written.
pub fn order_slip(
    request: &Parts,
    agreement: &Agreement,
    subscriber: &Subscriber,
    key: &SigningKey,
) -> Result<Vec<u8>, SlipError> {
    write(locale_of_request(request), agreement, subscriber, key)
}

fn write(l: Locale, agreement: &Agreement, subscriber: &Subscriber, key: &SigningKey) -> Result<Vec<u8>, SlipError> {
    let face = Face::get().ok_or(SlipError::Font)?;
    let answered = Answered::read(&agreement.evidence).map_err(|_| SlipError::Evidence)?;
    let mut pages = Pages::new(face);
    pages.title(slip_title(l, &agreement.about));
    what(l, &mut pages, agreement, subscriber);
    question_and_answer(l, &mut pages, agreement, &answered);
    proof_of_it(l, &mut pages, agreement, key);
    steps(l, &mut pages, agreement);
    if let About::Order { tariff } = &agreement.about {
        pages.heading(td_string!(l, agreement.tariff_heading));
        for element in elements(l, &tariff.content) {
            pages.fact(element.label, &element.text);
        }
    }
    let proof = proof::write(agreement, &subscriber.msisdn, key);
    let pdf = draw(l, &pages, agreement, &proof)?;
    proof::seal(pdf, &proof, key).ok_or(SlipError::Pdf)
}

fn what(l: Locale, pages: &mut Pages, agreement: &Agreement, subscriber: &Subscriber) {
    for (label, value) in facts(l, agreement, subscriber) {
        pages.fact(label, &value);
    }
}

/// What happened until now, and who did it.
fn steps(l: Locale, pages: &mut Pages, agreement: &Agreement) {
    pages.heading(td_string!(l, agreement.steps_heading));
    for step in &agreement.steps {
        let by = by_text(l, &step.actor, step.channel_id.as_deref());
        pages.paragraph(&format!("{}  {} ({by})", time_text(l, step.at), step_text(l, step)));
    }
}

fn question_and_answer(l: Locale, pages: &mut Pages, agreement: &Agreement, answered: &Answered) {
    let evidence = &agreement.evidence;
    pages.heading(td_string!(l, agreement.asked_heading));
    pages.paragraph(&asked_intro(l, evidence, answered));
    pages.quote(&evidence.description);
    pages.heading(td_string!(l, agreement.answer_heading));
    let answer = said(l, evidence, answered);
    pages.paragraph(&answer.text);
    if let Some(quoted) = answer.quoted {
        pages.quote(&quoted);
    }
    if let Some(strokes) = &agreement.strokes {
        pages.ink(strokes.clone());
    }
    let by = joined(l, method_text(l, answered.method), &channel_text(l, &evidence.channel_id));
    pages.fact(td_string!(l, agreement.how), &by);
    pages.fact(td_string!(l, agreement.reference), evidence.reference.as_deref().unwrap_or_default());
}

fn proof_of_it(l: Locale, pages: &mut Pages, agreement: &Agreement, key: &SigningKey) {
    let (seq, length) = (agreement.evidence.seq, agreement.chain_length);
    let previous = agreement.previous_hash.as_deref();
    pages.heading(td_string!(l, agreement.proof_heading));
    pages.paragraph(td_string!(l, agreement.proof_how));
    pages.fact(td_string!(l, agreement.proof_hash), &agreement.hash);
    let position = td_string!(l, agreement.proof_position_text, seq = seq, length = length);
    pages.fact(td_string!(l, agreement.proof_position), &position);
    let first = td_string!(l, agreement.proof_first);
    pages.fact(td_string!(l, agreement.proof_previous), previous.unwrap_or(first));
    pages.fact(td_string!(l, agreement.proof_key), &key.public_hex());
    pages.small(td_string!(l, agreement.proof_command));
}

fn draw(l: Locale, pages: &Pages, agreement: &Agreement, proof: &[u8]) -> Result<Vec<u8>, SlipError> {
    let mut document = Document::new();
    let title = format!("{} {}", slip_title(l, &agreement.about), agreement.id);
    document.set_metadata(Metadata::new().title(title).language(crate::request::language_tag(l).to_owned()));
    let file = EmbeddedFile {
        path: "evidence.json".to_owned(),
        mime_type: MimeType::new("application/json"),
        description: Some(proof::FORMAT.to_owned()),
        association_kind: AssociationKind::Data,
        data: proof.to_vec().into(),
        modification_date: None,
        // As it is: the seal names its place in the file.
        compress: Some(false),
        location: None,
    };
    document.embed_file(file).ok_or(SlipError::Pdf)?;
    for number in 0..pages.count() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(SlipError::Pdf)?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let foot = td_string!(l, agreement.page, n = number + 1, of = pages.count());
        pages.draw(number, &foot, &mut surface);
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|_| SlipError::Pdf)
}
