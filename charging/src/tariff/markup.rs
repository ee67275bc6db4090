//! Some operators publish their texts as HTML. The text is kept as it came; this is how the public sees it.

use std::borrow::Cow;

/// The text as a browser shows it: without tags, entities decoded, paragraphs on lines of their own.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&']) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let taken = tag(from).or_else(|| entity(from));
        let (length, meaning) = taken.unwrap_or((1, &from[..1]));
        if meaning != "\n" || !(shown.is_empty() || shown.ends_with('\n')) {
            shown.push_str(meaning);
        }
        rest = &from[length..];
    }
    shown.push_str(rest);
    Cow::Owned(shown.trim_end().to_owned())
}

/// The length of a tag at the start of a text, and what it means there.
fn tag(text: &str) -> Option<(usize, &'static str)> {
    let inner = text.strip_prefix('<')?;
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
        return None;
    }
    let end = text.find('>')?;
    let name = inner.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    let breaks = ["p", "br", "div", "li", "tr"].iter().any(|block| name.eq_ignore_ascii_case(block));
    Some((end + 1, if breaks { "\n" } else { "" }))
}

fn entity(text: &str) -> Option<(usize, &'static str)> {
    [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&ldquo;", "“"),
        ("&rdquo;", "”"),
    ]
    .into_iter()
    .find(|(name, _)| text.starts_with(name))
    .map(|(name, meaning)| (name.len(), meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_shown_as_text() {
        for (text, expected) in [
            ("含来电显示", "含来电显示"),
            ("<p>一。</p><p>二&nbsp;三</p>", "一。\n二 三"),
            ("a<br/>b<span style=\"color:red\">c</span>", "a\nbc"),
            ("3<5 且 a&b", "3<5 且 a&b"),
            ("<未完", "<未完"),
            ("<p", "<p"),
            ("&lt;b&gt;", "<b>"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
