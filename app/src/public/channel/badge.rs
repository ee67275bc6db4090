//! 电子标识牌 The badge that a channel shows: a picture whose code leads to the page that says whether it is true.

use charging::channel::ChannelId;
use qrcode::QrCode;
use qrcode::types::QrError;

use crate::components::qr_path;

/// Units of the picture: the code, and room for four lines beside it.
const WIDTH: usize = 640;
const HEIGHT: usize = 240;
const MARGIN: usize = 20;
const CODE: usize = HEIGHT - 2 * MARGIN;
/// A longer name is cut, in characters.
const NAME_CHARS_MAX: usize = 16;

/// The badge as SVG. `page` is the whole address of the channel's page. It says nothing that may change, but whose it is: whether it
/// is in force, the page alone tells.
///
/// # Errors
/// When the address is too long for a code.
pub fn svg(channel_id: &ChannelId, name: &str, page: &str) -> Result<String, QrError> {
    let (side, path) = qr_path(&QrCode::new(page)?);
    let mut short: String = name.chars().take(NAME_CHARS_MAX).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    let (name, short, page) = (escaped(name), escaped(&short), escaped(page));
    let text = CODE + 2 * MARGIN;
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">
<title>明白通信 正规网络渠道 {channel_id} {name} {page}</title>
<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="#ffffff" stroke="#0b6b5d" stroke-width="4"/>
<svg x="{MARGIN}" y="{MARGIN}" width="{CODE}" height="{CODE}" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">
<path fill="#ffffff" d="M0 0h{side}v{side}h-{side}z"/><path fill="#000000" d="{path}"/></svg>
<g font-family="'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif" fill="#16201d">
<text x="{text}" y="62" font-size="26" font-weight="600" fill="#0b6b5d">明白 · 正规网络渠道</text>
<text x="{text}" y="108" font-size="24">{short}</text>
<text x="{text}" y="154" font-size="30" font-weight="600">{channel_id}</text>
<text x="{text}" y="200" font-size="20" fill="#51605b">扫码核对真假和能卖什么</text>
</g></svg>
"##
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_holds_no_markup_of_others() {
        let id = "QD000001".parse().unwrap();
        let page = "https://mingbai.example/channels/QD000001";
        let badge = svg(&id, "<script>a</script> & \"b\" 很长很长很长很长", page).unwrap();
        assert!(!badge.contains("<script") && badge.contains("&lt;script&gt;") && badge.contains("QD000001"));
        assert!(badge.contains('…') && badge.contains(page));
        assert_ne!(badge, svg(&id, "另一家", page).unwrap());
        assert!(svg(&id, "x", &"x".repeat(5000)).is_err());
    }
}
