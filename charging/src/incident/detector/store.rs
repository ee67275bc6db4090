//! The figures of detectors, and their changes.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Detector, Figures, ParameterError};
use crate::staff::{Actor, Permission, StaffError, trail};

/// A detector as it works now.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub detector: Detector,
    pub version: i32,
    pub figures: Figures,
    pub enabled: bool,
    pub set_at: DateTime<Utc>,
    /// Who of the staff set it; `None`: as delivered, or the operator's engineer.
    pub set_by: Option<String>,
}

/// Why a detector cannot be set so.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error("the detector is so already")]
    Unchanged,
    /// Somebody else set it a moment ago.
    #[error("the detector was set a moment ago")]
    Overtaken,
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error("the database holds what cannot be read: {0}")]
    Corrupt(String),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Setting {
    fn state(&self) -> Value {
        json!({"version": self.version, "enabled": self.enabled, "figures": self.figures})
    }
}

/// Every detector as it works now.
///
/// # Errors
/// When the database failed.
pub async fn settings(conn: &mut PgConnection) -> Result<Vec<Setting>, SetError> {
    let rows = sqlx::query!(
        r#"select distinct on (d.detector) d.detector, d.version, d.parameters as "parameters: Json<Figures>", d.enabled, d.set_at, s.name as "set_by?"
        from detector_version d left join staff s on s.staff_id = d.set_by
        order by d.detector, d.version desc"#
    )
    .fetch_all(conn)
    .await?;
    let settings = rows.into_iter().map(|row| {
        let corrupt = || SetError::Corrupt(format!("detector {}", row.detector));
        Ok(Setting {
            detector: row.detector.parse().map_err(|_| corrupt())?,
            version: row.version,
            figures: row.parameters.0,
            enabled: row.enabled,
            set_at: row.set_at,
            set_by: row.set_by,
        })
    });
    let mut settings = settings.collect::<Result<Vec<_>, SetError>>()?;
    settings.sort_by_key(|setting| setting.detector);
    Ok(settings)
}

/// Gives a detector other figures, or turns it on or off, from now on.
///
/// # Errors
/// [`SetError::Parameter`], [`SetError::Unchanged`], [`SetError::Overtaken`], [`SetError::Staff`], or the database failed.
pub async fn set(
    conn: &mut PgConnection,
    actor: &Actor,
    detector: Detector,
    (figures, enabled): (&Figures, bool),
    now: DateTime<Utc>,
) -> Result<Setting, SetError> {
    actor.require(Permission::HandleIncidents)?;
    detector.check(figures)?;
    let before = settings(conn).await?.into_iter().find(|setting| setting.detector == detector);
    let before = before.ok_or_else(|| SetError::Corrupt(format!("detector {detector} has no version")))?;
    if before.figures == *figures && before.enabled == enabled {
        return Err(SetError::Unchanged);
    }
    let after =
        Setting { version: before.version + 1, figures: figures.clone(), enabled, set_at: now, ..before.clone() };
    let written = sqlx::query!(
        "insert into detector_version (detector, version, parameters, enabled, set_at, set_by)
        values ($1, $2, $3, $4, $5, $6) on conflict (detector, version) do nothing",
        detector.as_str(),
        after.version,
        Json(figures) as _,
        enabled,
        now,
        actor.member().map(|member| member.staff_id),
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if written == 0 {
        return Err(SetError::Overtaken);
    }
    let states = [Some(before.state()), Some(after.state())];
    trail::record(conn, actor, "detector.set", &format!("detector/{detector}"), states, now).await?;
    Ok(after)
}
