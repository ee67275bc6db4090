//! Which gateway, and who we are to it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use url::Url;

use super::wechat::{Account, Merchant, PlatformKey};

/// What the command line and the environment say about payments.
#[expect(clippy::struct_field_names, reason = "they are the names of options")]
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "gateway")]
pub struct Args {
    /// 商户号 at WeChat Pay. Without it the simulator of --demo takes payments, and otherwise none are offered.
    #[arg(long, env = "MINGBAI_WECHAT_MCHID")]
    wechat_mchid: Option<String>,
    /// appid of the official account that the merchant is bound to.
    #[arg(long, env = "MINGBAI_WECHAT_APPID")]
    wechat_appid: Option<String>,
    /// 商户API证书序列号: names the certificate of the merchant's key.
    #[arg(long, env = "MINGBAI_WECHAT_SERIAL")]
    wechat_serial: Option<String>,
    /// File of the merchant's private key (`apiclient_key.pem`).
    #[arg(long, env = "MINGBAI_WECHAT_KEY_FILE")]
    wechat_key_file: Option<PathBuf>,
    /// `APIv3`密钥, 32 characters, with which callbacks are encrypted.
    #[arg(long, env = "MINGBAI_WECHAT_API_KEY", hide_env_values = true)]
    wechat_api_key: Option<String>,
    /// 微信支付公钥ID, `PUB_KEY_ID_…`. Without it, platform certificates are downloaded.
    #[arg(long, env = "MINGBAI_WECHAT_PLATFORM_KEY_ID")]
    wechat_platform_key_id: Option<String>,
    /// File of 微信支付公钥 (`pub_key.pem`).
    #[arg(long, env = "MINGBAI_WECHAT_PLATFORM_KEY_FILE")]
    wechat_platform_key_file: Option<PathBuf>,
    /// Where WeChat Pay is.
    #[arg(long, env = "MINGBAI_WECHAT_URL", default_value = "https://api.mch.weixin.qq.com")]
    wechat_url: String,
}

/// Who takes payments.
#[derive(Debug)]
pub enum Settings {
    Wechat(Box<Account>),
    /// The simulated gateway of demo mode.
    Simulated,
}

impl Args {
    /// `None`: nobody takes payments.
    ///
    /// # Errors
    /// When what is set cannot be used.
    pub fn settings(&self, demo: bool) -> anyhow::Result<Option<Settings>> {
        let Some(mchid) = given(self.wechat_mchid.as_deref()) else {
            return Ok(demo.then_some(Settings::Simulated));
        };
        let need = |value, name| given(value).with_context(|| format!("MINGBAI_WECHAT_MCHID needs {name}"));
        let appid = need(self.wechat_appid.as_deref(), "MINGBAI_WECHAT_APPID")?;
        let serial = need(self.wechat_serial.as_deref(), "MINGBAI_WECHAT_SERIAL")?;
        for (value, name) in [(mchid, "MCHID"), (appid, "APPID"), (serial, "SERIAL")] {
            if !value.chars().all(|c| c.is_ascii_alphanumeric()) || value.len() > 64 {
                bail!("MINGBAI_WECHAT_{name} has other characters than letters and digits");
            }
        }
        let key = read(self.wechat_key_file.as_deref(), "MINGBAI_WECHAT_KEY_FILE")?;
        let merchant = Merchant::new(mchid, serial, &key).context("MINGBAI_WECHAT_KEY_FILE cannot be used")?;
        let api_key = need(self.wechat_api_key.as_deref(), "MINGBAI_WECHAT_API_KEY")?;
        let api_key = api_key.parse().context("MINGBAI_WECHAT_API_KEY cannot be used")?;
        Ok(Some(Settings::Wechat(Box::new(Account {
            merchant,
            appid: appid.to_owned(),
            api_key,
            platform_key: self.platform_key()?,
            url: base_url(&self.wechat_url)?,
        }))))
    }

    fn platform_key(&self) -> anyhow::Result<Option<(String, PlatformKey)>> {
        let Some(id) = given(self.wechat_platform_key_id.as_deref()) else { return Ok(None) };
        let pem = read(self.wechat_platform_key_file.as_deref(), "MINGBAI_WECHAT_PLATFORM_KEY_FILE")?;
        let key = PlatformKey::from_public_key(&pem).context("MINGBAI_WECHAT_PLATFORM_KEY_FILE cannot be used")?;
        Ok(Some((id.to_owned(), key)))
    }
}

fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn read(path: Option<&Path>, name: &str) -> anyhow::Result<String> {
    let path = path
        .filter(|path| !path.as_os_str().is_empty())
        .with_context(|| format!("MINGBAI_WECHAT_MCHID needs {name}"))?;
    fs::read_to_string(path).with_context(|| format!("{name}: {} cannot be read", path.display()))
}

/// Scheme and host, without a slash after them.
fn base_url(text: &str) -> anyhow::Result<String> {
    let url = Url::parse(text).context("MINGBAI_WECHAT_URL is no address")?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) || !is_bare {
        bail!("MINGBAI_WECHAT_URL must be http:// or https:// and a host, and nothing else");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tempfile::NamedTempFile;

    use super::*;

    const API_KEY: &str = "EXAMPLE-API-V3-KEY-0123456789abc";

    fn file(text: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn args(key: &NamedTempFile, public: &NamedTempFile) -> Args {
        let text = |text: &str| Some(text.to_owned());
        Args {
            wechat_mchid: text("1900000109"),
            wechat_appid: text("wxd678efh567hg6787"),
            wechat_serial: text("1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C"),
            wechat_key_file: Some(key.path().to_owned()),
            wechat_api_key: text(API_KEY),
            wechat_platform_key_id: text("PUB_KEY_ID_0119000001092024"),
            wechat_platform_key_file: Some(public.path().to_owned()),
            wechat_url: "https://api.mch.weixin.qq.com/".to_owned(),
        }
    }

    #[test]
    fn payments_go_to_the_gateway_else_to_the_simulator_else_nowhere() {
        let key = file(include_str!("../demo/gateway/keys/merchant.pem"));
        let public = file(include_str!("../demo/gateway/keys/platform-public.pem"));
        let Some(Settings::Wechat(account)) = args(&key, &public).settings(true).unwrap() else { panic!("no account") };
        assert_eq!(account.url, "https://api.mch.weixin.qq.com");
        assert!(!format!("{account:?}").contains(API_KEY));
        assert!(matches!(Args::default().settings(true).unwrap(), Some(Settings::Simulated)));
        assert!(Args::default().settings(false).unwrap().is_none());
    }

    type Change = fn(&mut Args);

    #[test]
    fn what_cannot_be_used_is_told_without_secrets() {
        let key = file(include_str!("../demo/gateway/keys/merchant.pem"));
        let public = file(include_str!("../demo/gateway/keys/platform-public.pem"));
        let cases: [(Change, &str); 7] = [
            (|args| args.wechat_appid = None, "needs MINGBAI_WECHAT_APPID"),
            (|args| args.wechat_serial = Some("a\"b".to_owned()), "MINGBAI_WECHAT_SERIAL has other characters"),
            (|args| args.wechat_key_file = None, "needs MINGBAI_WECHAT_KEY_FILE"),
            (|args| args.wechat_key_file = args.wechat_platform_key_file.clone(), "KEY_FILE cannot be used"),
            (|args| args.wechat_api_key = Some("hushhush".to_owned()), "MINGBAI_WECHAT_API_KEY cannot be used"),
            (|args| args.wechat_platform_key_file = None, "needs MINGBAI_WECHAT_PLATFORM_KEY_FILE"),
            (|args| args.wechat_url = "https://a.example/b".to_owned(), "MINGBAI_WECHAT_URL must be"),
        ];
        for (change, told) in cases {
            let mut args = args(&key, &public);
            change(&mut args);
            let error = format!("{:#}", args.settings(false).unwrap_err());
            assert!(error.contains(told) && !error.contains("hush"), "{error}");
        }
    }
}
