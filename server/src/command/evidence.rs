//! `mingbai evidence`

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use charging::clock::shanghai;
use charging::consent::key::PublicKey;
use charging::consent::proof::{FILE_BYTES_MAX, Sound, check, read_key};
use charging::consent::{Evidence, Method};
use chrono::{DateTime, Utc};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check an order slip (PDF) or its evidence (JSON) by itself, without a database or a network.
    Verify {
        /// What was downloaded from /me/agreements.
        file: PathBuf,
        /// The operator's public key, or a file of it as /evidence-key gives it. Without it a file that somebody else
        /// wrote and signed cannot be told from the operator's: compare the key that is printed.
        #[arg(long, env = "MINGBAI_EVIDENCE_KEY")]
        key: Option<String>,
    },
}

/// Prints what was agreed to, in plain words.
///
/// # Errors
/// When the file cannot be read, or is not as it was signed.
pub fn run(command: Command) -> anyhow::Result<()> {
    let Command::Verify { file, key } = command;
    let keys = key.map(|key| keys(&key)).transpose()?;
    let bytes = read(&file)?;
    let sound = match &keys {
        None => check(&bytes, None),
        // The newest is first; an older one signed what was handed out before it.
        Some(keys) => keys.iter().map(|key| check(&bytes, Some(key))).reduce(Result::or).unwrap_or(check(&bytes, None)),
    };
    let sound = sound.with_context(|| format!("{} is not sound", file.display()))?;
    print!("{}", words(&sound, keys.is_some())?);
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES_MAX)? + 1;
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    opened.take(limit).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(bytes)
}

/// The key itself, or those of a file.
fn keys(text: &str) -> anyhow::Result<Vec<PublicKey>> {
    if let Ok(key) = read_key(text) {
        return Ok(vec![key]);
    }
    let content = read(Path::new(text)).context("the key is neither 64 hexadecimal digits nor a file of them")?;
    let content = String::from_utf8(content).context("the file of the key holds no text")?;
    let keys = content.lines().filter(|line| !line.trim().is_empty()).map(read_key);
    let keys: Vec<PublicKey> = keys.collect::<Result<_, _>>().context("the file of the key holds something else")?;
    if keys.is_empty() {
        bail!("the file of the key is empty");
    }
    Ok(keys)
}

fn words(sound: &Sound, is_known: bool) -> anyhow::Result<String> {
    let Sound { proof, evidence, strokes, is_slip } = sound;
    let what = if *is_slip { "slip" } else { "evidence" };
    let previous = one_line(proof.previous_hash.as_deref().unwrap_or("none, it is the first"));
    let (verdict, origin) = if is_known {
        (
            format!("sound: this {what} is as the operator signed it, to the last byte"),
            "the operator's key that was given",
        )
    } else {
        (
            format!(
                "unbroken, but WHO SIGNED this {what} WAS NOT COMPARED: \
                 get the operator's key at /evidence-key on the operator's website, and give it as --key"
            ),
            "NOT COMPARED with the operator's key",
        )
    };
    let points = strokes.as_ref().map_or(0, |strokes| strokes.lines().map(|line| line.len()).sum());
    Ok(format!(
        "{verdict}\n\n\
         number        {}\n\
         order         {}\n\
         agreed to     {}\n\
         shown at      {}\n{}\n\
         answered at   {}\n\
         answered by   {}\n\n\
         hash          {}\n\
         row           {} of this subscriber's chain\n\
         hash before   {previous}\n\
         signed by     {}\n              {origin}\n",
        one_line(&proof.msisdn),
        proof.order_id.map_or_else(|| no_order(evidence).to_owned(), |order_id| order_id.to_string()),
        offer(evidence),
        time(&evidence.asked_at)?,
        indented(&evidence.description),
        time(&evidence.agreed_at)?,
        answer(evidence, points)?,
        one_line(&proof.hash),
        evidence.seq,
        one_line(&proof.key),
    ))
}

fn no_order(evidence: &Evidence) -> &'static str {
    if evidence.holder_id.is_some() { "none, a family bill was joined" } else { "none, a cap was raised" }
}

fn offer(evidence: &Evidence) -> String {
    let amount = |amount: &Option<String>| amount.as_deref().map(one_line).unwrap_or_default();
    match (&evidence.scheme_id, evidence.version, evidence.holder_id) {
        (None, None, Some(holder_id)) => {
            format!("a family bill: subscriber {holder_id} sees totals and kinds of charges, no records")
        }
        (Some(scheme_id), Some(version), None) => format!(
            "tariff {}, version {version}: {} yuan a month, {} yuan once",
            one_line(scheme_id),
            amount(&evidence.recurring_price),
            amount(&evidence.one_off_price)
        ),
        _ => format!("a cap of {} yuan a month", amount(&evidence.cap)),
    }
}

fn answer(evidence: &Evidence, points: usize) -> anyhow::Result<String> {
    let how = match (evidence.method.parse::<Method>()?, &evidence.signed_name) {
        (Method::SmsReply, _) => format!("SMS, replying `{}`", one_line(&evidence.answer)),
        (Method::SmsCode, _) => format!("the code of that SMS, `{}`", one_line(&evidence.answer)),
        (Method::Signature, Some(name)) => {
            format!("the name `{}` and the code of that SMS, `{}`", one_line(name), one_line(&evidence.answer))
        }
        (Method::Signature, None) if points > 0 => {
            let code = evidence.code_beside_strokes();
            let code =
                code.map_or_else(String::new, |code| format!(", and the code of that SMS, `{}`", one_line(code)));
            format!("a signature drawn on the screen, of {points} points{code}")
        }
        (Method::Signature, None) => "a signature on paper".to_owned(),
    };
    let place = evidence.reference.as_ref().map_or_else(String::new, |at| format!(", reference `{}`", one_line(at)));
    Ok(format!("{how}{place}, through `{}`", one_line(&evidence.channel_id)))
}

/// Without what would move the cursor of a terminal, turn the direction of writing, or not be seen.
fn one_line(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c.general_category() {
            GeneralCategory::Format => None,
            GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
                Some(' ')
            }
            _ => Some(c),
        })
        .collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  | {}", one_line(line))).collect::<Vec<_>>().join("\n")
}

fn time(text: &str) -> anyhow::Result<String> {
    let at: DateTime<Utc> = text.parse().context("the evidence holds no time where one must be")?;
    Ok(at.with_timezone(&shanghai()).format("%Y-%m-%d %H:%M:%S in China").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_that_shows_all_it_says() {
        let sly = "Y\u{1b}[2J\nsound\r\u{85}\u{2028}\u{202e}99\u{200b}\u{2066}\u{feff}元";
        assert_eq!(one_line(sly), "Y [2J sound   99元");
        assert_eq!(one_line("每月 10.00 元，“加油包”"), "每月 10.00 元，“加油包”");
    }
}
