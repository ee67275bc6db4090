//! Which SMS centre, and how fast.

use std::fmt;
use std::num::NonZeroU32;

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;
use url::Url;

/// The longest `system_id` and `password` of SMPP 3.4, in characters.
const SYSTEM_ID_CHARS_MAX: usize = 15;
const PASSWORD_CHARS_MAX: usize = 8;
const PORT: u16 = 2775;

/// What the command line and the environment say about SMS.
#[derive(Clone, Debug, clap::Args)]
// Beside the arguments of the command that they are part of.
#[group(id = "sms")]
pub struct Args {
    /// SMS centre to send and receive by: `smpp://system_id:password@host:2775`, or `smpps://…` for TLS. Without it
    /// messages go to the simulated handset of --demo, or wait.
    #[arg(long, env = "MINGBAI_SMPP_URL", hide_env_values = true)]
    smpp_url: Option<String>,
    /// Messages that the SMS centre may have before it has answered the first of them.
    #[arg(long, env = "MINGBAI_SMPP_WINDOW", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    smpp_window: u16,
    /// Messages a second at most, each part counted; as many as the SMS centre takes when not set.
    #[arg(long, env = "MINGBAI_SMPP_RATE", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    smpp_rate: Option<u32>,
    /// Number that messages come from and are answered to.
    #[arg(long, env = "MINGBAI_SMS_NUMBER", default_value = "10086")]
    sms_number: String,
}

impl Args {
    /// `None`: no SMS centre is set.
    ///
    /// # Errors
    /// When what is set cannot be used.
    pub fn settings(&self) -> anyhow::Result<Option<Settings>> {
        let Some(url) = self.smpp_url.as_deref().filter(|url| !url.is_empty()) else { return Ok(None) };
        let number = self.sms_number.clone();
        if number.is_empty() || number.len() > 20 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("MINGBAI_SMS_NUMBER must be 1 to 20 digits");
        }
        let centre = Centre::parse(url).context("MINGBAI_SMPP_URL is no address of an SMS centre")?;
        let rate = self.smpp_rate.and_then(NonZeroU32::new);
        Ok(Some(Settings { centre, window: self.smpp_window, rate, number }))
    }
}

/// How SMS are sent and received.
#[derive(Clone, Debug)]
pub struct Settings {
    pub centre: Centre,
    /// Messages submitted and not yet answered, at most.
    pub window: u16,
    /// Messages a second, at most.
    pub rate: Option<NonZeroU32>,
    /// Our own number.
    pub number: String,
}

/// An SMS centre and how it knows us.
#[derive(Clone, PartialEq, Eq)]
pub struct Centre {
    pub host: String,
    pub port: u16,
    pub has_tls: bool,
    pub system_id: String,
    pub password: String,
}

impl Centre {
    fn parse(text: &str) -> anyhow::Result<Self> {
        // Whatever is wrong is told without the password.
        let url = Url::parse(text).context("it cannot be read")?;
        let has_tls = match url.scheme() {
            "smpp" => false,
            "smpps" | "ssmpp" => true,
            other => bail!("it begins with {other}: and not with smpp: or smpps:"),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).context("it names no host")?;
        let decoded = |text: &str, what: &str, chars_max: usize| -> anyhow::Result<String> {
            let text = percent_decode_str(text).decode_utf8().with_context(|| format!("its {what} is not UTF-8"))?;
            if text.len() > chars_max || !text.bytes().all(|byte| byte.is_ascii() && byte != 0) {
                bail!("its {what} has more than {chars_max} characters, or others than ASCII");
            }
            Ok(text.into_owned())
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(PORT),
            has_tls,
            system_id: decoded(url.username(), "system_id", SYSTEM_ID_CHARS_MAX)?,
            password: decoded(url.password().unwrap_or_default(), "password", PASSWORD_CHARS_MAX)?,
        })
    }
}

/// Without the password.
impl fmt::Debug for Centre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.has_tls { "smpps" } else { "smpp" };
        write!(f, "{scheme}://{}@{}:{}", self.system_id, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_who_we_are() {
        let centre = Centre::parse("smpp://mingbai:s%40cret@sms.example").unwrap();
        let expected = Centre {
            host: "sms.example".to_owned(),
            port: 2775,
            has_tls: false,
            system_id: "mingbai".to_owned(),
            password: "s@cret".to_owned(),
        };
        assert_eq!(centre, expected);
        assert_eq!(format!("{centre:?}"), "smpp://mingbai@sms.example:2775");
        let centre = Centre::parse("smpps://a:b@[::1]:3550").unwrap();
        assert_eq!((centre.host.as_str(), centre.port, centre.has_tls), ("::1", 3550, true));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_the_password() {
        for (text, told) in [
            ("http://a:hushhush@b", "begins with http"),
            ("smpp://", "names no host"),
            ("hushhush", "cannot be read"),
            ("smpp://a:hushhush9@b", "its password has more than 8"),
            ("smpp://sixteen_letters_:hushhush@b", "its system_id has more than 15"),
        ] {
            let error = format!("{:#}", Centre::parse(text).unwrap_err());
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
