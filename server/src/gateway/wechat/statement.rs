//! 交易账单 The statement of a day: a table of text, each value after a grave accent, amounts in yuan, and a total at its end.

use std::collections::HashMap;

use chrono::FixedOffset;
use chrono::{DateTime, NaiveDateTime, TimeZone as _, Utc};
use rust_decimal::Decimal;

use crate::gateway::{StatementKind, StatementLine, UnreadableLine};

/// The times of a statement are those of Beijing.
const BEIJING_SECONDS_EAST: i32 = 8 * 3600;
/// The longest line that is read, in bytes.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Lines of a statement: more are not held in memory.
const LINES_MAX: usize = 5_000_000;
/// Lines that somebody can look at one by one. Where more are not understood, it is the statement that is not.
const UNREADABLE_MAX: usize = 1_000;
/// As long a number as is kept, in characters.
const NUMBER_CHARS_MAX: usize = 64;
/// Beyond this nothing is an amount, in yuan.
const AMOUNT_MAX: Decimal = Decimal::from_parts(1_410_065_408, 2, 0, false, 0);

/// Why a statement is not read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    #[error("the statement has no column `{0}`")]
    Column(&'static str),
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: &'static str },
    #[error("the statement breaks off before its total")]
    NoTotal,
    #[error("the statement says that it has {said} lines, and has {found}")]
    Total { said: usize, found: usize },
    #[error("the statement has more than {LINES_MAX} lines")]
    TooLong,
    #[error("more than {UNREADABLE_MAX} lines are not understood; the last, line {line}: {reason}")]
    NotUnderstood { line: usize, reason: &'static str },
}

/// The columns that are used, by their place.
struct Columns {
    at: usize,
    state: usize,
    payment: [usize; 3],
    refund: [usize; 3],
    refund_state: usize,
}

impl Columns {
    fn of(header: &str) -> Result<Self, BadStatement> {
        let header = header.trim_start_matches('\u{feff}');
        let places: HashMap<&str, usize> =
            header.split(',').map(str::trim).enumerate().map(|(i, name)| (name, i)).collect();
        let place = |name: &'static str| places.get(name).copied().ok_or(BadStatement::Column(name));
        Ok(Self {
            at: place("交易时间")?,
            state: place("交易状态")?,
            payment: [place("商户订单号")?, place("微信订单号")?, place("订单金额")?],
            refund: [place("商户退款单号")?, place("微信退款单号")?, place("申请退款金额")?],
            refund_state: place("退款状态")?,
        })
    }
}

/// The lines of a statement, and those of them that are not understood.
pub type Lines = (Vec<StatementLine>, Vec<UnreadableLine>);

/// Takes a statement in pieces as they come, and keeps its lines alone.
#[derive(Default)]
pub struct Reader {
    columns: Option<Columns>,
    lines: Vec<StatementLine>,
    unreadable: Vec<UnreadableLine>,
    /// Of the line that has not ended yet.
    rest: Vec<u8>,
    line: usize,
    /// Whether the lines are over: their total follows.
    at_total: bool,
    total: Option<usize>,
}

impl Reader {
    /// # Errors
    /// When what came is not a statement.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), BadStatement> {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.rest.extend_from_slice(piece);
            let line = std::mem::take(&mut self.rest);
            self.line(&line)?;
        }
        self.rest.extend_from_slice(last);
        if self.rest.len() > LINE_BYTES_MAX { Err(self.bad("it is too long")) } else { Ok(()) }
    }

    /// # Errors
    /// When it broke off, or its total is another.
    pub fn end(mut self) -> Result<Lines, BadStatement> {
        let line = std::mem::take(&mut self.rest);
        self.line(&line)?;
        let said = self.total.ok_or(BadStatement::NoTotal)?;
        let found = self.lines.len() + self.unreadable.len();
        if said == found { Ok((self.lines, self.unreadable)) } else { Err(BadStatement::Total { said, found }) }
    }

    fn bad(&self, reason: &'static str) -> BadStatement {
        BadStatement::Line { line: self.line, reason }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<(), BadStatement> {
        self.line += 1;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_end_matches('\r'),
            Err(_) if bytes.starts_with(b"`") && !self.at_total => return self.keep(Err("it is not UTF-8")),
            Err(_) => return Err(self.bad("it is not UTF-8")),
        };
        if text.is_empty() || self.total.is_some() {
            return Ok(());
        }
        let Some(columns) = &self.columns else {
            self.columns = Some(Columns::of(text)?);
            return Ok(());
        };
        let Some(values) = text.strip_prefix('`') else {
            // The names of the totals.
            self.at_total = true;
            return Ok(());
        };
        let values: Vec<&str> = values.split(",`").collect();
        if self.at_total {
            let said = values.first().and_then(|count| count.trim().parse().ok());
            self.total = Some(said.ok_or_else(|| self.bad("the number of lines is none"))?);
            return Ok(());
        }
        let read = read(columns, &values);
        self.keep(read)
    }

    /// One line that is not understood is for somebody to look at, and holds up none of the others.
    fn keep(&mut self, read: Result<StatementLine, &'static str>) -> Result<(), BadStatement> {
        let line = self.line;
        match read {
            Ok(_) if self.lines.len() >= LINES_MAX => return Err(BadStatement::TooLong),
            Ok(read) => self.lines.push(read),
            Err(reason) if self.unreadable.len() >= UNREADABLE_MAX => {
                return Err(BadStatement::NotUnderstood { line, reason });
            }
            Err(reason) => self.unreadable.push(UnreadableLine { line, reason }),
        }
        Ok(())
    }
}

fn read(columns: &Columns, values: &[&str]) -> Result<StatementLine, &'static str> {
    let value = |place: usize| values.get(place).map(|value| value.trim()).ok_or("a value is missing");
    let (kind, [number, gateway_number, amount]) = match value(columns.state)? {
        "SUCCESS" => (StatementKind::Payment, columns.payment),
        // 撤销 gives back what was paid without a refund of ours: it is none that we ask for.
        "REFUND" => (StatementKind::Refund, columns.refund),
        "REVOKED" => return Err("a payment was revoked, which nobody here asks for"),
        _ => return Err("its 交易状态 is neither SUCCESS nor REFUND"),
    };
    let succeeded = kind == StatementKind::Payment || value(columns.refund_state)? == "SUCCESS";
    let amount: Decimal = value(amount)?.parse().map_err(|_| "its amount is none")?;
    if amount <= Decimal::ZERO || amount >= AMOUNT_MAX || amount.normalize().scale() > 2 {
        return Err("its amount is not whole fen above zero");
    }
    let (number, gateway_number) = (value(number)?, value(gateway_number)?);
    if number.is_empty() || number == "0" || gateway_number.is_empty() {
        return Err("it names no order");
    }
    let is_number = |text: &str| text.chars().count() <= NUMBER_CHARS_MAX && !text.chars().any(char::is_control);
    if !is_number(number) || !is_number(gateway_number) {
        return Err("its number is none");
    }
    Ok(StatementLine {
        kind,
        number: number.to_owned(),
        gateway_number: gateway_number.to_owned(),
        amount,
        at: instant(value(columns.at)?).ok_or("its time is none")?,
        succeeded,
    })
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let beijing = FixedOffset::east_opt(BEIJING_SECONDS_EAST)?;
    Some(beijing.from_local_datetime(&local).single()?.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATEMENT: &str = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r
`2026-11-21 00:00:00,`wx1,`1900000109,`0,`,`4200000001,`MB1,`openid,`NATIVE,`SUCCESS,`CMC,`CNY,`49.00,`1.00,`0,`0,`0.00,`0.00,`,`,`话费充值, 50 元,`,`0.30000,`0.60%,`50.00,`0.00,`\r
`2026-11-21 23:59:59,`wx1,`1900000109,`0,`,`4200000001,`MB1,`openid,`NATIVE,`REFUND,`CMC,`CNY,`0.00,`0.00,`5000000001,`MBR1,`9.00,`0.00,`ORIGINAL,`SUCCESS,`话费充值, 50 元,`,`-0.06000,`0.60%,`0.00,`10.00,`\r
`2026-11-21 23:59:59,`wx1,`1900000109,`0,`,`4200000001,`MB1,`openid,`NATIVE,`REFUND,`CMC,`CNY,`0.00,`0.00,`5000000002,`MBR2,`9.00,`0.00,`ORIGINAL,`FAIL,`话费充值, 50 元,`,`-0.06000,`0.60%,`0.00,`10.00,`\r
总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r
`3,`49.00,`18.00,`0.00,`0.18000,`50.00,`20.00\r
";

    fn line(kind: StatementKind, number: &str, gateway_number: &str, amount: &str, at: &str) -> StatementLine {
        let (amount, at) = (amount.parse().unwrap(), at.parse().unwrap());
        let (number, gateway_number) = (number.to_owned(), gateway_number.to_owned());
        StatementLine { kind, number, gateway_number, amount, at, succeeded: true }
    }

    fn read_in(pieces: &[&[u8]]) -> Result<Lines, BadStatement> {
        let mut reader = Reader::default();
        for piece in pieces {
            reader.take(piece)?;
        }
        reader.end()
    }

    #[test]
    fn payments_and_refunds_are_read_with_what_was_ordered_and_asked_back() {
        let lines = [
            line(StatementKind::Payment, "MB1", "4200000001", "50.00", "2026-11-20T16:00:00Z"),
            line(StatementKind::Refund, "MBR1", "5000000001", "10.00", "2026-11-21T15:59:59Z"),
            StatementLine {
                succeeded: false,
                ..line(StatementKind::Refund, "MBR2", "5000000002", "10.00", "2026-11-21T15:59:59Z")
            },
        ];
        assert_eq!(read_in(&[STATEMENT.as_bytes()]).unwrap(), (lines.to_vec(), Vec::new()));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_it_is_cut(place in 0..=STATEMENT.len()) {
            let (head, tail) = STATEMENT.as_bytes().split_at(place);
            prop_assert_eq!(read_in(&[head, tail]), read_in(&[STATEMENT.as_bytes()]));
        }

        #[test]
        fn one_that_breaks_off_is_refused(length in 0..STATEMENT.len() - "`3,".len() - 60) {
            prop_assert!(read_in(&[&STATEMENT.as_bytes()[..length]]).is_err());
        }
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        let altered = |from: &str, to: &str| {
            let statement = STATEMENT.replace(from, to);
            assert_ne!(statement, STATEMENT, "{from}");
            read_in(&[statement.as_bytes()]).unwrap_err()
        };
        assert_eq!(altered("订单金额,申请", "金额,申请"), BadStatement::Column("订单金额"));
        assert_eq!(altered("`3,`49.00", "`4,`49.00"), BadStatement::Total { said: 4, found: 3 });
        assert!(matches!(altered("`3,`49.00", "`,`49.00"), BadStatement::Line { line: 6, .. }));
        let long = vec![b'a'; LINE_BYTES_MAX + 1];
        assert!(matches!(read_in(&[&long]), Err(BadStatement::Line { .. })));
    }

    #[test]
    fn a_line_that_is_not_understood_holds_up_no_other() {
        let long = format!("`{}", "9".repeat(65));
        for (from, to) in [
            ("`50.00,`0.00,`\r", "`50.001,`0.00,`\r"),
            ("`50.00,`0.00,`\r", "`10000000000.00,`0.00,`\r"),
            ("2026-11-21 00:00:00", "2026/11/21"),
            ("`NATIVE,`SUCCESS", "`NATIVE,`REVOKED"),
            ("`4200000001,`MB1,`openid,`NATIVE,`SUCCESS", "`4200000001,`,`openid,`NATIVE,`SUCCESS"),
            ("`4200000001,`MB1,`openid,`NATIVE,`SUCCESS", &format!("{long},`MB1,`openid,`NATIVE,`SUCCESS")),
        ] {
            let statement = STATEMENT.replacen(from, to, 1);
            assert_ne!(statement, STATEMENT, "{from}");
            let (lines, unreadable) = read_in(&[statement.as_bytes()]).unwrap();
            assert_eq!((lines.len(), unreadable.len(), unreadable[0].line), (2, 1, 2), "{to}");
        }
        let mut bytes = STATEMENT.as_bytes().to_vec();
        let place = STATEMENT.find("openid").unwrap();
        bytes[place] = 0xff;
        let (lines, unreadable) = read_in(&[&bytes]).unwrap();
        assert_eq!((lines.len(), unreadable), (2, vec![UnreadableLine { line: 2, reason: "it is not UTF-8" }]));
    }

    #[test]
    fn a_statement_of_lines_that_are_not_understood_is_refused() {
        let revoked = STATEMENT.lines().nth(1).unwrap().replace("SUCCESS", "REVOKED");
        let count = UNREADABLE_MAX + 1;
        let statement = STATEMENT
            .replace(STATEMENT.lines().nth(1).unwrap(), &vec![revoked; count].join("\r\n"))
            .replace("`3,`49.00", &format!("`{},`49.00", count + 2));
        assert!(matches!(read_in(&[statement.as_bytes()]), Err(BadStatement::NotUnderstood { .. })));
    }
}
