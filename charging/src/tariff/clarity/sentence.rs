//! The sentence that a finding is about.

use super::wording::CUT;
use super::{Finding, Page, STOPS};
use crate::tariff::{TariffContent, fold};

/// Characters of a sentence that are shown on either side of what was found.
const SIDE_CHARS_MAX: usize = 60;

impl Finding {
    /// The sentence in which the quoted words stand, cut where it is very long; the quote itself where they stand in no text
    /// (a missing element, a service of the terms).
    pub fn sentence(&self, content: &TariffContent) -> String {
        let quote = plain(self.quote.trim_end_matches(CUT));
        if quote.is_empty() {
            return self.quote.clone();
        }
        let page = Page::of(content);
        // A renewal is quoted from what is said of validity, beside the price that leaves it out.
        let own = page.texts().filter(|(element, _)| *element == self.element);
        let all = own.chain(page.texts()).map(|(_, text)| text);
        let found = all.flat_map(|text| [text.to_owned(), fold(text)]).find_map(|text| around(&text, &quote));
        found.unwrap_or_else(|| self.quote.clone())
    }
}

/// Characters with every kind of space alike.
fn plain(text: &str) -> Vec<char> {
    text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

fn around(text: &str, quote: &[char]) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let start = plain(text).windows(quote.len()).position(|window| window == quote)?;
    let end = start + quote.len();
    let is_stop = |c: &char| STOPS.contains(c);
    let from = chars[..start].iter().rposition(is_stop).map_or(0, |stop| stop + 1);
    let until = chars[end..].iter().position(is_stop).map_or(chars.len(), |stop| end + stop);
    let (first, last) = (from.max(start.saturating_sub(SIDE_CHARS_MAX)), until.min(end + SIDE_CHARS_MAX));
    let shown: String = plain(&chars[first..last].iter().collect::<String>()).into_iter().collect();
    let mark = |is_cut: bool| if is_cut { CUT.to_string() } else { String::new() };
    Some(format!("{}{}{}", mark(first > from), shown.trim(), mark(last < until)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str, quote: &str) -> Option<String> {
        around(text, &plain(quote))
    }

    #[test]
    fn a_sentence_goes_from_stop_to_stop() {
        let text = "首月免费。具体资费\n以当地营业厅为准，详见门店；不可退。";
        assert_eq!(quoted(text, "以当地营业厅为准").as_deref(), Some("以当地营业厅为准，详见门店"));
        assert_eq!(quoted(text, "首月").as_deref(), Some("首月免费"));
        assert_eq!(quoted(text, "没有这句"), None);
    }

    #[test]
    fn a_very_long_one_is_cut() {
        let text = format!("{}详询{}", "甲".repeat(100), "乙".repeat(100));
        let sentence = quoted(&text, "详询").unwrap();
        assert_eq!(sentence.chars().count(), 2 * SIDE_CHARS_MAX + 4);
        assert!(sentence.starts_with("…甲") && sentence.ends_with("乙…"), "{sentence}");
    }
}
