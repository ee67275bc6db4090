//! The statement of a day, as the gateway writes it.

use charging::demo::gateway::{Payment, Refund};
use chrono::{DateTime, TimeDelta, Utc};

use super::{APPID, MERCHANT_ID};

const HEADER: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const TOTALS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// All of it, with its totals.
pub fn text(payments: &[Payment], refunds: &[Refund]) -> String {
    let mut lines = vec![HEADER.to_owned()];
    for payment in payments {
        let (at, paid) = (payment.paid_at.map(time).unwrap_or_default(), yuan(payment.fen));
        lines.push(row(&[
            &at,
            APPID,
            MERCHANT_ID,
            "0",
            "",
            &payment.transaction_id,
            &payment.out_trade_no,
            "demo",
            &payment.trade_type,
            "SUCCESS",
            "OTHERS",
            "CNY",
            &paid,
            "0.00",
            "0",
            "0",
            "0.00",
            "0.00",
            "",
            "",
            &payment.description,
            "",
            "0.00000",
            "0.00%",
            &paid,
            "0.00",
            "",
        ]));
    }
    for refund in refunds {
        let (at, back) = (time(refund.arrives_at), yuan(refund.fen));
        lines.push(row(&[
            &at,
            APPID,
            MERCHANT_ID,
            "0",
            "",
            &refund.transaction_id,
            &refund.out_trade_no,
            "demo",
            "NATIVE",
            "REFUND",
            "OTHERS",
            "CNY",
            "0.00",
            "0.00",
            &refund.refund_id,
            &refund.out_refund_no,
            &back,
            "0.00",
            "ORIGINAL",
            &refund.state,
            "",
            "",
            "0.00000",
            "0.00%",
            "0.00",
            &back,
            "",
        ]));
    }
    let paid = yuan(payments.iter().map(|payment| payment.fen).sum());
    let back = yuan(refunds.iter().map(|refund| refund.fen).sum());
    let count = (payments.len() + refunds.len()).to_string();
    lines.push(TOTALS.to_owned());
    lines.push(row(&[&count, &paid, &back, "0.00", "0.00000", &paid, &back]));
    lines.push(String::new());
    lines.join("\r\n")
}

fn row(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}")).collect::<Vec<_>>().join(",")
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn time(at: DateTime<Utc>) -> String {
    (at + TimeDelta::hours(8)).format("%Y-%m-%d %H:%M:%S").to_string()
}
