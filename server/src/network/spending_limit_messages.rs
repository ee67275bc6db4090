//! `SpendingLimitContext` and `SpendingLimitStatus` of TS 29.594, clause 5.6.2. What is not listed is not looked at, as
//! TS 29.500, clause 5.2.7.2, asks for.

use std::collections::BTreeMap;

use axum::http::{StatusCode, Uri};
use charging::subscriber::Msisdn;
use charging::usage::spending_limit::{Change, NewSubscription, POLICY_COUNTER, Standing, Subscription};
use charging::usage::store::spending_limit::DueNotification;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::message::{INCORRECT, MISSING, msisdn};
use super::problem::Problem;

/// The longest address for notifications.
const URI_CHARS_MAX: usize = 1024;
/// The longest identifier.
const ID_CHARS_MAX: usize = 256;
/// Policy counters of one request.
const COUNTERS_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpendingLimitContext {
    supi: Option<String>,
    gpsi: Option<String>,
    policy_counter_ids: Option<Vec<String>>,
    notif_uri: Option<String>,
    expiry: Option<DateTime<Utc>>,
    supported_features: Option<String>,
    notif_id: Option<String>,
}

impl SpendingLimitContext {
    /// # Errors
    /// 400 with the attribute that is missing or wrong.
    pub fn subscription(&self, spending_limit_id: String, now: DateTime<Utc>) -> Result<NewSubscription, Problem> {
        let change = self.change(now)?;
        let missing = |param: &str, reason: &str| Problem::invalid(MISSING, param, reason);
        Ok(NewSubscription {
            msisdn: match change.msisdn {
                Some(msisdn) => msisdn,
                None if self.supi.is_some() => {
                    return Err(unknown_user("/gpsi", "subscribers are known by their number: it must be said, too"));
                }
                None => return Err(missing("/gpsi", "whose spending limit it is must be said")),
            },
            spending_limit_id,
            notif_uri: change.notif_uri.ok_or_else(|| missing("/notifUri", "where to notify must be said"))?,
            notif_id: change.notif_id,
            supi: change.supi,
            expires_at: change.expires_at,
        })
    }

    /// # Errors
    /// 400 with the attribute that is wrong.
    pub fn change(&self, now: DateTime<Utc>) -> Result<Change, Problem> {
        self.check_counters()?;
        self.check_features()?;
        Ok(Change {
            msisdn: self.gpsi.as_deref().map(number).transpose()?,
            notif_uri: self.notif_uri.as_deref().map(notif_uri).transpose()?,
            notif_id: self.notif_id.clone().map(|id| within("/notifId", id)).transpose()?,
            supi: self.supi.clone().map(|supi| within("/supi", supi)).transpose()?,
            expires_at: self.expiry.map(|expiry| future(expiry, now)).transpose()?,
        })
    }

    /// Of the features that are asked for those that are there: subscriptions expire (feature 1).
    pub fn features(&self) -> Option<&'static str> {
        let lowest = self.supported_features.as_deref()?.chars().last();
        let has_first = lowest.and_then(|digit| digit.to_digit(16)).is_some_and(|bits| bits & 1 == 1);
        Some(if has_first { "1" } else { "0" })
    }

    fn check_counters(&self) -> Result<(), Problem> {
        let Some(ids) = &self.policy_counter_ids else { return Ok(()) };
        if ids.is_empty() || ids.len() > COUNTERS_MAX {
            let reason = format!("a list of 1 to {COUNTERS_MAX} policy counters");
            return Err(Problem::invalid(INCORRECT, "/policyCounterIds", reason));
        }
        let unknown: Vec<usize> = (0..ids.len()).filter(|index| ids[*index] != POLICY_COUNTER).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let detail = format!("there is one policy counter: `{POLICY_COUNTER}`");
        let problem = Problem::new(StatusCode::BAD_REQUEST, detail).cause("UNKNOWN_POLICY_COUNTERS");
        let about = |problem: Problem, index: usize| {
            let id: String = ids[index].chars().take(ID_CHARS_MAX).collect();
            problem.about(format!("/policyCounterIds/{index}"), format!("there is no policy counter `{id}`"))
        };
        Err(unknown.into_iter().fold(problem, about))
    }

    fn check_features(&self) -> Result<(), Problem> {
        let features = self.supported_features.as_deref().unwrap_or_default();
        if features.len() <= ID_CHARS_MAX && features.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(());
        }
        Err(Problem::invalid(INCORRECT, "/supportedFeatures", "a bitmask in hexadecimal digits"))
    }
}

pub fn unknown_user(param: &str, reason: &str) -> Problem {
    Problem::invalid("USER_UNKNOWN", param, reason)
}

fn number(gpsi: &str) -> Result<Msisdn, Problem> {
    msisdn(gpsi).map_err(|_| unknown_user("/gpsi", "no subscriber has this identifier; such as msisdn-8613800000001"))
}

fn within(param: &str, text: String) -> Result<String, Problem> {
    if (1..=ID_CHARS_MAX).contains(&text.chars().count()) && !text.contains('\0') {
        return Ok(text);
    }
    Err(Problem::invalid(INCORRECT, param, format!("1 to {ID_CHARS_MAX} characters")))
}

/// Addresses are joined with a path, so they have no query.
fn notif_uri(text: &str) -> Result<String, Problem> {
    let parsed = Some(text).filter(|text| text.len() <= URI_CHARS_MAX && !text.contains('#'));
    let parsed = parsed.and_then(|text| text.parse::<Uri>().ok()).filter(|uri| {
        let host =
            uri.authority().filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
        matches!(uri.scheme_str(), Some("http" | "https")) && host.is_some() && uri.query().is_none()
    });
    let reason = || format!("an address by http or https without query, of at most {URI_CHARS_MAX} characters");
    // As it was parsed: schemes are written in any case.
    parsed
        .map(|uri| uri.to_string().trim_end_matches('/').to_owned())
        .ok_or_else(|| Problem::invalid(INCORRECT, "/notifUri", reason()))
}

fn future(expiry: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    // In whole microseconds, as the database keeps it.
    let kept = DateTime::from_timestamp_micros(expiry.timestamp_micros()).filter(|at| *at > now);
    kept.ok_or_else(|| Problem::invalid(INCORRECT, "/expiry", "a time in the future"))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpendingLimitStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    supi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notif_id: Option<String>,
    status_infos: BTreeMap<&'static str, PolicyCounterInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_features: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyCounterInfo {
    policy_counter_id: &'static str,
    current_status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pen_pol_counter_statuses: Vec<PendingPolicyCounterStatus>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingPolicyCounterStatus {
    policy_counter_status: &'static str,
    activation_time: String,
}

impl SpendingLimitStatus {
    /// The answer to whoever made or changed a subscription.
    pub fn answer(subscription: Subscription, supported_features: Option<&'static str>) -> Self {
        Self {
            supi: subscription.supi,
            notif_id: subscription.notif_id,
            status_infos: infos(subscription.standing),
            expiry: subscription.expires_at.map(rfc3339),
            supported_features,
        }
    }

    pub fn notification(of: &DueNotification) -> Self {
        Self {
            supi: of.supi.clone(),
            notif_id: of.notif_id.clone(),
            status_infos: infos(of.standing),
            expiry: None,
            supported_features: None,
        }
    }
}

fn infos(standing: Standing) -> BTreeMap<&'static str, PolicyCounterInfo> {
    let pending = standing.pending().map(|(state, from)| PendingPolicyCounterStatus {
        policy_counter_status: state.as_str(),
        activation_time: rfc3339(from),
    });
    let info = PolicyCounterInfo {
        policy_counter_id: POLICY_COUNTER,
        current_status: standing.state.as_str(),
        pen_pol_counter_statuses: pending.into_iter().collect(),
    };
    BTreeMap::from([(POLICY_COUNTER, info)])
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use charging::usage::threshold::CapState;
    use serde_json::{Value, json};

    fn now() -> DateTime<Utc> {
        "2026-11-20T04:00:00Z".parse().unwrap()
    }

    fn asked(with: Value) -> Result<NewSubscription, Value> {
        let mut body = json!({"gpsi": "msisdn-8613800000001", "notifUri": "http://pcf:8080/slc/1"});
        for (name, value) in with.as_object().unwrap() {
            body[name] = value.clone();
        }
        let context: SpendingLimitContext = serde_json::from_value(body).unwrap();
        context.subscription("0".repeat(32), now()).map_err(|problem| serde_json::to_value(problem).unwrap())
    }

    #[test]
    fn an_address_is_by_http_and_has_no_query() {
        for (uri, kept) in [
            ("http://127.0.0.1:9/a", "http://127.0.0.1:9/a"),
            ("HTTPS://pcf.example/", "https://pcf.example"),
            ("http://[2001:db8::1]/n", "http://[2001:db8::1]/n"),
        ] {
            assert_eq!(asked(json!({"notifUri": uri})).unwrap().notif_uri, kept);
        }
        let long = format!("http://pcf/{}", "a".repeat(URI_CHARS_MAX));
        for uri in [
            "",
            "/notify",
            "pcf:80",
            "ftp://pcf/",
            "http://",
            "http:///x",
            "http://u:p@pcf/",
            "http://p/?a=b",
            "http://p/#a",
            "http://p /",
            "javascript:alert(1)",
            &long,
        ] {
            let problem = asked(json!({"notifUri": uri})).unwrap_err();
            assert_eq!(problem["invalidParams"][0]["param"], "/notifUri", "{uri}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (with, cause, param) in [
            (json!({"gpsi": null}), MISSING, "/gpsi"),
            (json!({"gpsi": null, "supi": "imsi-460001234567890"}), "USER_UNKNOWN", "/gpsi"),
            (json!({"gpsi": "extid-a@b"}), "USER_UNKNOWN", "/gpsi"),
            (json!({"notifUri": null}), MISSING, "/notifUri"),
            (json!({"supi": ""}), INCORRECT, "/supi"),
            (json!({"notifId": "n".repeat(257)}), INCORRECT, "/notifId"),
            (json!({"expiry": "2026-11-20T12:00:00+08:00"}), INCORRECT, "/expiry"),
            (json!({"supportedFeatures": "0x1"}), INCORRECT, "/supportedFeatures"),
            (json!({"policyCounterIds": []}), INCORRECT, "/policyCounterIds"),
            (json!({"policyCounterIds": ["cap", "data"]}), "UNKNOWN_POLICY_COUNTERS", "/policyCounterIds/1"),
        ] {
            let problem = asked(with.clone()).unwrap_err();
            assert_eq!(
                (&problem["cause"], &problem["invalidParams"][0]["param"]),
                (&json!(cause), &json!(param)),
                "{with}"
            );
        }
        let sound = asked(json!({"expiry": "2026-11-20T12:00:01+08:00", "policyCounterIds": ["cap"]})).unwrap();
        assert_eq!(sound.expires_at, Some(now() + chrono::TimeDelta::seconds(1)));
    }

    #[test]
    fn the_lowest_bit_of_the_features_is_ours() {
        for (asked, given) in [("", "0"), ("0", "0"), ("1", "1"), ("f7", "1"), ("F6", "0")] {
            let context: SpendingLimitContext = serde_json::from_value(json!({"supportedFeatures": asked})).unwrap();
            assert_eq!(context.features(), Some(given), "{asked}");
        }
    }

    #[test]
    fn the_next_state_is_announced_where_it_is_another() {
        let standing = Standing { month: "2026-11".parse().unwrap(), state: CapState::Near, next: CapState::Ok };
        let told = serde_json::to_value(infos(standing)).unwrap();
        let pending = json!([{"policyCounterStatus": "ok", "activationTime": "2026-11-30T16:00:00Z"}]);
        let expected = json!({"policyCounterId": "cap", "currentStatus": "near", "penPolCounterStatuses": pending});
        assert_eq!(told, json!({"cap": expected}));
        let told = serde_json::to_value(infos(Standing { next: CapState::Near, ..standing })).unwrap();
        assert_eq!(told, json!({"cap": {"policyCounterId": "cap", "currentStatus": "near"}}));
    }
}
