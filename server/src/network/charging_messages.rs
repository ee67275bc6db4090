//! `ChargingDataRequest` and `ChargingDataResponse` of TS 32.291, clause 6.1.6.2, as far as data sessions go. What is
//! not listed is not looked at, as TS 29.500, clause 5.2.7.2, asks for.

use axum::http::StatusCode;
use charging::quantity::QUANTITY_MAX;
use charging::subscriber::Msisdn;
use charging::usage::session::{
    Answer, Asked, Outcome, QUOTA_HOLDING, Stop, THRESHOLD_SHARE, UnitAnswer, UnitUsage, UsedUnits,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::message::{INCORRECT, MISSING, NotHere, msisdn};
use super::problem::Problem;

/// Rating groups of one request.
const UNITS_MAX: usize = 64;
/// Containers of used units in one request.
const CONTAINERS_MAX: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargingDataRequest {
    subscriber_identifier: Option<String>,
    #[expect(dead_code, reason = "it must be there")]
    nf_consumer_identification: NfIdentification,
    #[expect(dead_code, reason = "it must be there")]
    invocation_time_stamp: DateTime<Utc>,
    pub invocation_sequence_number: u32,
    one_time_event: Option<bool>,
    #[serde(default)]
    multiple_unit_usage: Vec<MultipleUnitUsage>,
    #[serde(rename = "pDUSessionChargingInformation")]
    pdu_session: Option<PduSessionChargingInformation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NfIdentification {
    #[expect(dead_code, reason = "it must be there")]
    node_functionality: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PduSessionChargingInformation {
    user_information: Option<UserInformation>,
}

#[derive(Debug, Deserialize)]
struct UserInformation {
    #[serde(rename = "servedGPSI")]
    served_gpsi: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MultipleUnitUsage {
    rating_group: u32,
    /// The user plane function, told back with the answer for it.
    #[serde(rename = "uPFID")]
    upf_id: Option<String>,
    requested_unit: Option<Units>,
    #[serde(default)]
    used_unit_container: Vec<UsedUnitContainer>,
}

/// Octets; what time or events are counted by, data sessions do not need.
#[derive(Debug, Deserialize)]
struct Units {
    #[serde(rename = "totalVolume")]
    total: Option<u64>,
    #[serde(rename = "uplinkVolume")]
    uplink: Option<u64>,
    #[serde(rename = "downlinkVolume")]
    downlink: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsedUnitContainer {
    #[serde(flatten)]
    units: Units,
    #[expect(dead_code, reason = "it must be there")]
    local_sequence_number: i64,
    #[serde(default)]
    triggers: Vec<Trigger>,
    #[serde(rename = "pDUContainerInformation")]
    container: Option<PduContainerInformation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    trigger_type: Option<String>,
    #[expect(dead_code, reason = "it must be there")]
    trigger_category: String,
}

#[derive(Debug, Deserialize)]
struct PduContainerInformation {
    #[serde(rename = "timeofFirstUsage")]
    time_of_first_usage: Option<DateTime<Utc>>,
}

impl Units {
    /// The sum of both directions where the total is not given.
    fn octets(&self) -> Option<u64> {
        self.total.or_else(|| [self.uplink, self.downlink].into_iter().flatten().reduce(u64::saturating_add))
    }
}

impl ChargingDataRequest {
    /// Whose session it is: the GPSI, or a subscriber identifier that holds a number.
    pub fn msisdn(&self) -> Result<Msisdn, Problem> {
        let user = self.pdu_session.as_ref().and_then(|session| session.user_information.as_ref());
        let gpsi = user.and_then(|user| user.served_gpsi.as_deref());
        let (param, identifier) = match (gpsi, self.subscriber_identifier.as_deref()) {
            (Some(gpsi), _) => ("/pDUSessionChargingInformation/userInformation/servedGPSI", gpsi),
            (None, Some(identifier)) => ("/subscriberIdentifier", identifier),
            (None, None) => {
                let param = "/pDUSessionChargingInformation/userInformation/servedGPSI";
                return Err(Problem::invalid(MISSING, param, "whose session it is must be said"));
            }
        };
        msisdn(identifier).map_err(|error| match error {
            NotHere::NoNumber => Problem::invalid(
                INCORRECT,
                param,
                "numbers are known, such as msisdn-8613800000001, no other identifiers",
            ),
            NotHere::OtherNumber => {
                Problem::new(StatusCode::NOT_FOUND, "no subscriber has this number").cause("USER_UNKNOWN")
            }
        })
    }

    /// What it says of each rating group.
    pub fn units(&self) -> Result<Vec<UnitUsage>, Problem> {
        if self.one_time_event == Some(true) {
            return Err(Problem::invalid(INCORRECT, "/oneTimeEvent", "sessions are charged here, not events"));
        }
        let containers: usize = self.multiple_unit_usage.iter().map(|usage| usage.used_unit_container.len()).sum();
        if self.multiple_unit_usage.len() > UNITS_MAX || containers > CONTAINERS_MAX {
            let reason = format!("at most {UNITS_MAX} rating groups and {CONTAINERS_MAX} containers fit in a request");
            return Err(Problem::invalid(INCORRECT, "/multipleUnitUsage", reason));
        }
        self.multiple_unit_usage.iter().enumerate().map(|(index, usage)| usage.read(index)).collect()
    }
}

impl MultipleUnitUsage {
    fn read(&self, index: usize) -> Result<UnitUsage, Problem> {
        let at = |attribute: String| format!("/multipleUnitUsage/{index}/{attribute}");
        if i32::try_from(self.rating_group).is_err() {
            let reason = "rating groups go up to 2147483647 here";
            return Err(Problem::invalid("MANDATORY_IE_INCORRECT", at("ratingGroup".to_owned()), reason));
        }
        let mut used = Vec::with_capacity(self.used_unit_container.len());
        for (place, container) in self.used_unit_container.iter().enumerate() {
            // One that reports time or events alone has no volume, and none is charged for.
            let Some(bytes) = container.units.octets() else { continue };
            if bytes > QUANTITY_MAX {
                let param = at(format!("usedUnitContainer/{place}/totalVolume"));
                return Err(Problem::invalid(INCORRECT, param, format!("at most {QUANTITY_MAX} octets")));
            }
            let first = container.container.as_ref().and_then(|container| container.time_of_first_usage);
            // The database keeps whole microseconds.
            let started_at = first.and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()));
            used.push(UsedUnits { bytes, started_at });
        }
        let asked = match &self.requested_unit {
            None => Asked::Nothing,
            Some(units) => units.octets().filter(|octets| *octets > 0).map_or(Asked::Any, Asked::Bytes),
        };
        Ok(UnitUsage { rating_group: self.rating_group, asked, used, gives_back: self.gives_back() })
    }

    /// Whether the quota is given back: it is final, or was not used for the holding time (TS 32.290, clause 5.4).
    fn gives_back(&self) -> bool {
        let triggers = self.used_unit_container.iter().flat_map(|container| &container.triggers);
        triggers.filter_map(|trigger| trigger.trigger_type.as_deref()).any(|kind| matches!(kind, "FINAL" | "QHT"))
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargingDataResponse {
    invocation_time_stamp: String,
    invocation_sequence_number: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    multiple_unit_information: Vec<MultipleUnitInformation>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MultipleUnitInformation {
    result_code: &'static str,
    rating_group: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted_unit: Option<GrantedUnit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validity_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota_holding_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_unit_indication: Option<FinalUnitIndication>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_quota_threshold: Option<u64>,
    #[serde(rename = "uPFID", skip_serializing_if = "Option::is_none")]
    upf_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GrantedUnit {
    total_volume: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FinalUnitIndication {
    final_unit_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_server: Option<RedirectServer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RedirectServer {
    redirect_address_type: &'static str,
    redirect_server_address: String,
}

impl ChargingDataResponse {
    pub fn new(answer: &Answer, request: &ChargingDataRequest, public_url: &str, now: DateTime<Utc>) -> Self {
        let asked = request.multiple_unit_usage.iter().map(Some).chain(std::iter::repeat(None));
        let informed = answer.units.iter().zip(asked).map(|(unit, asked)| {
            let asked = asked.filter(|asked| asked.rating_group == unit.rating_group);
            let upf_id = asked.and_then(|asked| asked.upf_id.clone());
            MultipleUnitInformation { upf_id, ..information(unit, public_url) }
        });
        Self {
            invocation_time_stamp: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            invocation_sequence_number: answer.sequence,
            multiple_unit_information: informed.collect(),
        }
    }
}

fn information(unit: &UnitAnswer, public_url: &str) -> MultipleUnitInformation {
    let plain = MultipleUnitInformation {
        result_code: "SUCCESS",
        rating_group: unit.rating_group,
        granted_unit: None,
        validity_time: None,
        quota_holding_time: None,
        final_unit_indication: None,
        volume_quota_threshold: None,
        upf_id: None,
    };
    match &unit.outcome {
        Outcome::Noted => plain,
        Outcome::Granted { bytes, validity_seconds, last } => MultipleUnitInformation {
            granted_unit: Some(GrantedUnit { total_volume: *bytes }),
            validity_time: Some(*validity_seconds),
            quota_holding_time: Some(QUOTA_HOLDING.num_seconds()),
            final_unit_indication: last.map(|stop| indication(stop, public_url)),
            // There is nothing to ask for before the last bytes are used.
            volume_quota_threshold: last.is_none().then_some(bytes / THRESHOLD_SHARE),
            ..plain
        },
        Outcome::LimitReached(stop) => MultipleUnitInformation {
            result_code: "QUOTA_LIMIT_REACHED",
            final_unit_indication: Some(indication(*stop, public_url)),
            ..plain
        },
        Outcome::RatingFailed => MultipleUnitInformation { result_code: "RATING_FAILED", ..plain },
    }
}

fn indication(stop: Stop, public_url: &str) -> FinalUnitIndication {
    match stop {
        Stop::Terminate => FinalUnitIndication { final_unit_action: "TERMINATE", redirect_server: None },
        Stop::RaiseCap => FinalUnitIndication {
            final_unit_action: "REDIRECT",
            redirect_server: Some(RedirectServer {
                redirect_address_type: "URL",
                redirect_server_address: format!("{public_url}/me/cap"),
            }),
        },
    }
}
