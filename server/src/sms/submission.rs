//! A part of a notice as it is submitted, and how the SMS centre answers.

use charging::notice::queue::DueNotice;
use charging::notice::receipt::notation;
use chrono::{DateTime, Utc};
use rusmpp::CommandStatus;
use rusmpp::pdus::{SubmitSm, SubmitSmResp};
use rusmpp::tlvs::MessageSubmissionRequestTlvValue;
use rusmpp::types::{COctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{
    EsmClass, IntermediateNotification, MCDeliveryReceipt, RegisteredDelivery, SmeOriginatedAcknowledgement,
    UserMessageReference,
};
use rusmppc::error::Error;

use super::{address, text};

/// `esm_class` of a message alone, and of one that begins with a header. (The default of `rusmpp` is an acknowledgement.)
const ALONE: u8 = 0x00;
const WITH_HEADER: u8 = 0x40;

/// A notice that cannot be put into messages.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    TooLong(#[from] text::TooLong),
    #[error("the number cannot be submitted")]
    Number,
}

/// The parts of a notice that the centre has not taken, with their numbers from 1. What is sent again after a failure is
/// the same to the bit and bears the same references: those of the header, by which a phone joins parts, and
/// `user_message_reference`, by which a centre knows a message again.
///
/// # Errors
/// [`Unfit`].
pub fn parts(notice: &DueNotice, number: &str, now: DateTime<Utc>) -> Result<Vec<(i16, SubmitSm)>, Unfit> {
    // The lowest bits differ from notice to notice.
    let [.., high, low] = notice.notice_id.to_be_bytes();
    let reference = u16::from_be_bytes([high, low]);
    let (coding, bodies) = text::encode(&notice.body, low)?;
    let esm_class = if bodies.len() > 1 { WITH_HEADER } else { ALONE };
    let envelope = envelope(notice, number, now).ok_or(Unfit::Number)?;
    let mut parts = Vec::new();
    for (part, body) in (1_i16..).zip(bodies) {
        if notice.accepted.contains(&part) {
            continue;
        }
        // One part is as good as a message to a centre: none has the reference of another.
        let of_part = reference.wrapping_add((part.unsigned_abs() - 1) << 12);
        let mut submission = envelope.clone();
        submission.esm_class = EsmClass::from(esm_class);
        submission.data_coding = coding;
        submission.set_short_message(OctetString::from_vec(body).map_err(|_| text::TooLong)?);
        let reference = UserMessageReference::new(of_part);
        submission.set_tlvs(vec![MessageSubmissionRequestTlvValue::UserMessageReference(reference)]);
        parts.push((part, submission));
    }
    Ok(parts)
}

/// What is the same for all parts.
fn envelope(notice: &DueNotice, number: &str, now: DateTime<Utc>) -> Option<SubmitSm> {
    let (source_ton, source_npi, source) = address::source(number);
    let (ton, npi, destination) = address::destination(&notice.msisdn);
    let receipt = RegisteredDelivery::new(
        MCDeliveryReceipt::McDeliveryReceiptRequestedWhereFinalDeliveryOutcomeIsSuccessOrFailure,
        SmeOriginatedAcknowledgement::NoReceiptSmeAcknowledgementRequested,
        IntermediateNotification::NoIntermediaryNotificationRequested,
        0,
    );
    let envelope = SubmitSm::builder()
        .source_addr_ton(source_ton)
        .source_addr_npi(source_npi)
        .source_addr(COctetString::from_string(source).ok()?)
        .dest_addr_ton(ton)
        .dest_addr_npi(npi)
        .destination_addr(COctetString::from_string(destination).ok()?)
        .validity_period(validity(notice, now))
        .registered_delivery(receipt);
    Some(envelope.build())
}

/// How long the centre may try: no longer than the notice is of use (SMPP 3.4, clause 7.1.1.2: relative time).
fn validity(notice: &DueNotice, now: DateTime<Utc>) -> EmptyOrFullCOctetString<17> {
    let Some(expires_at) = notice.expires_at else { return EmptyOrFullCOctetString::empty() };
    let seconds = (expires_at - now).num_seconds().clamp(1, 86_399);
    let relative = format!("000000{:02}{:02}{:02}000R", seconds / 3600, seconds / 60 % 60, seconds % 60);
    // 16 characters always fit.
    EmptyOrFullCOctetString::from_string(relative).unwrap_or_default()
}

/// What the centre says to a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has it, under this id.
    Taken(String),
    /// It has too much to do: the same again, more slowly.
    Throttled,
    /// It does not know the connection any more.
    NotBound,
    /// Never.
    Refused(String),
    /// Not now, or nobody knows.
    Failed(String),
}

/// Reads the answer to `submit_sm`.
pub fn answer(answered: Result<SubmitSmResp, Error>) -> Answer {
    match answered {
        Ok(taken) => Answer::Taken(notation(taken.message_id().as_str())),
        Err(Error::UnexpectedResponse { response }) => refusal(response.status()),
        Err(error @ Error::ResponseTimeout { .. }) => {
            tracing::debug!(%error, "the SMS centre does not answer");
            Answer::Failed("the SMS centre did not answer".to_owned())
        }
        Err(_) => Answer::Failed("the connection to the SMS centre broke".to_owned()),
    }
}

fn refusal(status: CommandStatus) -> Answer {
    use CommandStatus as S;
    let told = format!("{status:?} ({:#010x})", u32::from(status));
    match status {
        S::EsmeRok => Answer::Taken(String::new()),
        S::EsmeRthrottled => Answer::Throttled,
        S::EsmeRinvbndsts => Answer::NotBound,
        // What speaks of this message or its receiver alone. Anything else may be said of all of them, by a wrong setting or
        // an account that is not paid, and none is given up for that; a full queue may be that of one receiver.
        S::EsmeRinvmsglen | S::EsmeRinvdstadr | S::EsmeRxPAppn | S::EsmeRdeliveryfailure => Answer::Refused(told),
        _ => Answer::Failed(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn notice(body: &str, accepted: &[i16]) -> DueNotice {
        DueNotice {
            subscriber_id: 1,
            notice_id: 0x1_02FE,
            msisdn: "13800000001".to_owned(),
            body: body.to_owned(),
            attempts: 0,
            expires_at: None,
            accepted: accepted.to_vec(),
        }
    }

    fn references(parts: &[(i16, SubmitSm)]) -> Vec<u16> {
        let tlvs = parts.iter().flat_map(|(_, submission)| submission.tlvs());
        tlvs.map(|tlv| match tlv.value() {
            Some(rusmpp::tlvs::TlvValue::UserMessageReference(reference)) => reference.value,
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn a_short_notice_is_one_message() {
        let parts = parts(&notice("【明白】您好", &[]), "10086", now()).unwrap();
        let [(1, submission)] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(submission.destination_addr.as_str(), "8613800000001");
        assert_eq!(submission.source_addr.as_str(), "10086");
        assert_eq!(u8::from(submission.esm_class), 0);
        assert_eq!(u8::from(submission.registered_delivery), 1);
        assert_eq!(u8::from(submission.data_coding), 8);
        assert_eq!(submission.short_message().len(), 12);
        assert!(submission.validity_period.is_empty());
        assert_eq!(references(&parts), [0x02FE]);
    }

    #[test]
    fn an_english_notice_takes_an_octet_a_letter() {
        let parts = parts(&notice("[Mingbai] Hello", &[]), "10086", now()).unwrap();
        let [(1, submission)] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(u8::from(submission.data_coding), 0);
        let octets: &[u8] = submission.short_message();
        assert_eq!(octets, b"\x1B\x3CMingbai\x1B\x3E Hello");
    }

    #[test]
    fn parts_that_were_taken_are_left_out_and_the_others_are_the_same() {
        let body = "明".repeat(67 * 15);
        let all = parts(&notice(&body, &[]), "10086", now()).unwrap();
        assert_eq!(all.len(), 15);
        let mut seen = references(&all);
        assert_eq!(seen[..2], [0x02FE, 0x12FE]);
        seen.dedup();
        assert_eq!(seen.len(), 15);
        assert!(all.iter().all(|(_, submission)| u8::from(submission.esm_class) == 0x40));
        let rest = parts(&notice(&body, &[1, 3]), "10086", now()).unwrap();
        assert_eq!(rest[..2], [all[1].clone(), all[3].clone()]);
        assert_eq!(rest.len(), 13);
        assert!(matches!(parts(&notice(&"明".repeat(2000), &[]), "10086", now()), Err(Unfit::TooLong(_))));
    }

    #[test]
    fn the_centre_does_not_deliver_a_code_late() {
        let mut code = notice("验证码", &[]);
        code.expires_at = Some(now() + chrono::TimeDelta::seconds(299));
        assert_eq!(validity(&code, now()).as_str(), "000000000459000R");
    }

    #[test]
    fn answers_say_whether_to_try_again() {
        assert_eq!(refusal(CommandStatus::EsmeRthrottled), Answer::Throttled);
        assert_eq!(refusal(CommandStatus::EsmeRinvbndsts), Answer::NotBound);
        for of_all in [CommandStatus::EsmeRmsgqful, CommandStatus::EsmeRinvsrcadr, CommandStatus::EsmeRprohibited] {
            assert!(matches!(refusal(of_all), Answer::Failed(_)), "{of_all:?}");
        }
        assert!(matches!(refusal(CommandStatus::EsmeRinvdstadr), Answer::Refused(told) if told.contains("0x0000000b")));
        assert!(matches!(refusal(CommandStatus::EsmeRsyserr), Answer::Failed(_)));
        assert!(matches!(refusal(CommandStatus::Other(0x400)), Answer::Failed(_)));
        assert!(matches!(answer(Err(Error::ConnectionClosed)), Answer::Failed(_)));
    }
}
