//! What a page or server function may know of the request it answers: language, display, who is signed in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use charging::subscriber::Language;
use http::HeaderMap;
use http::header::{ACCEPT_LANGUAGE, COOKIE, HOST, HeaderName, HeaderValue, SET_COOKIE};
use http::request::Parts;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tower_sessions::Session;

use crate::i18n::Locale;
use crate::state::AppState;

/// The key under which a session keeps the signed-in subscriber.
pub const SUBSCRIBER_KEY: &str = "subscriber_id";

fn parts() -> Option<Parts> {
    use_context::<Parts>()
}

/// A cookie of the request.
fn cookie(name: &str) -> Option<String> {
    cookie_of(&parts()?, name)
}

fn cookie_of(parts: &Parts, name: &str) -> Option<String> {
    cookie_in(&parts.headers, name)
}

/// A cookie among the headers of a request.
pub fn cookie_in(headers: &HeaderMap, name: &str) -> Option<String> {
    let header = headers.get(COOKIE)?.to_str().ok()?;
    header.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

/// The language of a part of a page, where it is not that of the page: see `components::InLanguage`.
#[derive(Clone, Copy, Debug)]
pub struct PartLanguage(pub Locale);

/// The language to answer in: that of the part of the page, else the one chosen (cookie), else the browser's first that we
/// have, else Chinese.
pub fn locale() -> Locale {
    let part = use_context::<PartLanguage>().map(|part| part.0);
    part.or_else(|| parts().map(|parts| locale_of_request(&parts))).unwrap_or(Locale::zh_CN)
}

/// The same, of a request that no page answers.
pub fn locale_of_request(parts: &Parts) -> Locale {
    if let Some(chosen) = cookie_of(parts, "lang").and_then(|tag| language_of(&tag)) {
        return chosen;
    }
    let accepted = parts.headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
    accepted
        .iter()
        .flat_map(|header| header.split(','))
        .find_map(|entry| language_of(entry.split(';').next().unwrap_or(entry).trim()))
        .unwrap_or(Locale::zh_CN)
}

/// The language of a tag such as `en-GB`, where we have it.
pub fn language_of(tag: &str) -> Option<Locale> {
    let primary = tag.split('-').next().unwrap_or(tag);
    match primary.to_ascii_lowercase().as_str() {
        "zh" => Some(Locale::zh_CN),
        "en" => Some(Locale::en),
        _ => None,
    }
}

/// The language of messages that is the language of a page.
pub(crate) fn language(l: Locale) -> Language {
    match l {
        Locale::zh_CN => Language::Chinese,
        Locale::en => Language::English,
    }
}

/// The language tag of `<html lang>` and of messages.
pub fn language_tag(locale: Locale) -> &'static str {
    match locale {
        Locale::zh_CN => "zh-CN",
        Locale::en => "en",
    }
}

/// 大字版: whether large print was chosen.
pub fn large_print() -> bool {
    cookie("print").is_some_and(|value| value == "large")
}

/// Remembers a choice of display for a year.
pub fn remember(name: &'static str, value: &'static str) {
    if let Some(response) = use_context::<ResponseOptions>() {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
        if let Ok(header) = HeaderValue::from_str(&cookie) {
            response.append_header(SET_COOKIE, header);
        }
    }
}

/// The path and query of the page that is being answered.
pub fn path_and_query() -> String {
    parts().and_then(|parts| parts.uri.path_and_query().map(ToString::to_string)).unwrap_or_else(|| "/".to_owned())
}

/// A path of this site, or `/me`: what arrives in `next` must not lead anywhere else.
pub fn local_path(next: &str) -> &str {
    // A browser leaves tabs and line ends out of an address, so that `/\t/elsewhere` would lead there.
    let is_plain = !next.contains(|c: char| c == '\\' || c.is_control());
    let local = next.starts_with('/') && !next.starts_with("//") && is_plain;
    if local && next.len() <= 2000 { next } else { "/me" }
}

/// What stays as it is in a query value; everything else is percent-encoded.
const QUERY_VALUE: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A text as the value of a query parameter.
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, &QUERY_VALUE).to_string()
}

/// The address the request came from, for limits on attempts; all whose address is unknown share one.
pub fn client_ip() -> IpAddr {
    parts()
        .and_then(|parts| parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()))
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The headers of the request.
pub fn headers() -> Option<HeaderMap> {
    parts().map(|parts| parts.headers)
}

/// What the server found out about the request before it let it through.
pub fn extension<T: Clone + Send + Sync + 'static>() -> Option<T> {
    parts()?.extensions.get::<T>().cloned()
}

/// Where the browser is, without a path: for links that are handed on. Empty when it did not say.
pub fn origin() -> String {
    let host = headers().and_then(|headers| headers.get(HOST)?.to_str().ok().map(str::to_owned));
    let scheme = if AppState::current().secure { "https" } else { "http" };
    host.map_or_else(String::new, |host| format!("{scheme}://{host}"))
}

/// The session of the request; `None` only when the server has no session layer (as when routes are listed).
pub fn session() -> Option<Session> {
    parts().and_then(|parts| parts.extensions.get::<Session>().cloned())
}

/// Who is signed in.
pub async fn signed_in() -> Option<i64> {
    session()?.get::<i64>(SUBSCRIBER_KEY).await.ok().flatten()
}

/// Answers with a status other than 200.
pub fn set_status(status: http::StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

/// Sends the browser to another page of this site.
pub fn redirect(path: &str) {
    if HeaderValue::from_str(path).is_ok() && parts().is_some() {
        leptos_axum::redirect(path);
    }
}

/// Keeps a personal page out of every cache.
pub fn no_store() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.insert_header(HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_stays_on_this_site() {
        assert_eq!(local_path("/me/bills?x=1"), "/me/bills?x=1");
        for elsewhere in
            ["https://a.example", "//a.example", "/\\a.example", "", "javascript:1", "/a\r\nb", "/\t/a.example"]
        {
            assert_eq!(local_path(elsewhere), "/me");
        }
    }

    #[test]
    fn languages_are_recognised_by_their_primary_tag() {
        assert_eq!(language_of("zh-Hans-CN"), Some(Locale::zh_CN));
        assert_eq!(language_of("en-GB"), Some(Locale::en));
        assert_eq!(language_of("fr"), None);
    }
}
