//! Which call-out service, and when.

use anyhow::{Context as _, bail};
use charging::notice::quiet::{self, Hours};
use url::Url;

use super::signature::Key;

/// What the command line and the environment say about calls.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "call")]
pub struct Args {
    /// Call-out service to which phone calls are handed, by POST. Without it the simulator of --demo answers them, and
    /// otherwise none are offered.
    #[arg(long, env = "MINGBAI_CALL_URL")]
    call_url: Option<String>,
    /// Secret by which the call-out service and Mingbai sign what they send, as Standard Webhooks: `whsec_` and base64.
    #[arg(long, env = "MINGBAI_CALL_SECRET", hide_env_values = true)]
    call_secret: Option<String>,
}

impl Args {
    /// `None`: there is no way to call.
    ///
    /// # Errors
    /// When what is set cannot be used.
    pub fn settings(&self, demo: bool) -> anyhow::Result<Option<Settings>> {
        let hours = quiet::waking();
        let Some(url) = self.call_url.as_deref().filter(|url| !url.is_empty()) else {
            return Ok(demo.then_some(Settings { hours, service: None }));
        };
        let parsed = Url::parse(url).context("MINGBAI_CALL_URL is no address")?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none_or(str::is_empty) {
            bail!("MINGBAI_CALL_URL must begin with http:// or https:// and a host");
        }
        let secret = self.call_secret.as_deref().filter(|secret| !secret.is_empty());
        let secret = secret.context("MINGBAI_CALL_URL needs MINGBAI_CALL_SECRET, by which calls are signed")?;
        let key = secret.parse().context("MINGBAI_CALL_SECRET cannot be used")?;
        Ok(Some(Settings { hours, service: Some(Service { url: url.to_owned(), key }) }))
    }
}

/// How calls are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When phones may ring.
    pub hours: Hours,
    /// `None`: whoever is called answers, which is what the simulated handset of demo mode shows.
    pub service: Option<Service>,
}

/// A call-out service.
#[derive(Clone, Debug)]
pub struct Service {
    pub url: String,
    pub key: Key,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, secret: &str, demo: bool) -> anyhow::Result<Option<Settings>> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Args { call_url: given(url), call_secret: given(secret) }.settings(demo)
    }

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn calls_go_to_the_service_else_to_the_simulator_else_nowhere() {
        assert!(settings("https://calls.example/v1", SECRET, true).unwrap().unwrap().service.is_some());
        assert!(settings("", SECRET, true).unwrap().unwrap().service.is_none());
        assert!(settings("", "", false).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_secret() {
        for (url, secret, told) in [
            ("https://calls.example", "", "needs MINGBAI_CALL_SECRET"),
            ("https://calls.example", "hushhush", "MINGBAI_CALL_SECRET cannot be used"),
            ("ftp://calls.example", SECRET, "must begin with http"),
            ("calls", SECRET, "is no address"),
        ] {
            let error = format!("{:#}", settings(url, secret, false).unwrap_err());
            assert!(error.contains(told) && !error.contains("hush"), "{error}");
        }
    }
}
