/// What stands in `<title>`, escaped: `leptos_meta` writes there whatever it is given, and a tariff is named by its operator.
pub fn document_title(title: &str, brand: &str) -> String {
    let title = html_escape::encode_text(title);
    if title.is_empty() { html_escape::encode_text(brand).into_owned() } else { format!("{title} · {brand}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_puts_no_markup_into_the_page() {
        let title = document_title("a</title><script>b()</script>&c", "明白");
        assert_eq!(title, "a&lt;/title&gt;&lt;script&gt;b()&lt;/script&gt;&amp;c · 明白");
        assert_eq!(document_title("", "明白"), "明白");
    }
}
