//! 超出资费 What is beyond the allowances costs f(V), a function of the cumulative volume V alone: splitting, merging
//! or reordering records changes nothing. Rules: "Data overage" and "The cap" of the rating rules in design.md.

use rust_decimal::Decimal;

use crate::tariff::OverageModel;

/// Amounts are counted in millionths of a yuan, the finest that a price may be.
const SCALE: u32 = 6;

/// f(V) in yuan, exact. V in bytes, minutes or messages. An amount beyond 7.9 × 10²² yuan is given as that.
pub fn price_of_volume(model: &OverageModel, volume: u64) -> Decimal {
    let millionths = match model {
        OverageModel::Unit { price, unit: size } | OverageModel::Block { price, block: size } => {
            millionths(*price).saturating_mul(volume.div_ceil(*size).into())
        }
        OverageModel::Ladder { price, unit, block_price, block } => {
            let block_price = millionths(*block_price);
            let begun = millionths(*price).saturating_mul((volume % block).div_ceil(*unit).into());
            block_price.saturating_mul((volume / block).into()).saturating_add(begun.min(block_price))
        }
    };
    i128::try_from(millionths)
        .ok()
        .and_then(|amount| Decimal::try_from_i128_with_scale(amount, SCALE).ok())
        .unwrap_or_else(|| Decimal::from_parts(u32::MAX, u32::MAX, u32::MAX, false, SCALE))
}

/// V*: the largest V with f(V) ≤ `cap`; `u64::MAX` where no volume costs more than the cap.
pub fn largest_volume_within(model: &OverageModel, cap: Decimal) -> u64 {
    let cap = millionths(cap);
    let volume = match model {
        OverageModel::Unit { price, unit: size } | OverageModel::Block { price, block: size } => {
            match millionths(*price) {
                0 => u128::MAX,
                price => (cap / price).saturating_mul((*size).into()),
            }
        }
        OverageModel::Ladder { price, unit, block_price, block } => match millionths(*block_price) {
            0 => u128::MAX,
            block_price => {
                let (block, rest) = (u128::from(*block), cap % block_price);
                // `rest` does not pay for a whole block, so the last byte of one is out of reach.
                let begun = match millionths(*price) {
                    0 => block - 1,
                    price => (rest / price).saturating_mul((*unit).into()).min(block - 1),
                };
                (cap / block_price).saturating_mul(block).saturating_add(begun)
            }
        },
    };
    u64::try_from(volume).unwrap_or(u64::MAX)
}

/// Prices and caps have at most six decimals and are not negative: terms and caps are checked where they are read.
fn millionths(amount: Decimal) -> u128 {
    let mut amount = amount;
    amount.rescale(SCALE);
    amount.mantissa().unsigned_abs()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::{GIB, MIB, QUANTITY_MAX};

    fn yuan(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// 0.03 yuan/MB up to 3 yuan, then free to the end of that GB, then again: the example of design.md.
    fn ladder() -> OverageModel {
        OverageModel::Ladder { price: yuan("0.03"), unit: MIB, block_price: yuan("3.00"), block: GIB }
    }

    #[test]
    fn the_ladder_climbs_rests_and_climbs_again() {
        for (volume, amount) in [
            (0, "0"),
            (1, "0.03"),
            (MIB, "0.03"),
            (MIB + 1, "0.06"),
            (99 * MIB, "2.97"),
            (99 * MIB + 1, "3"),
            (GIB, "3"),
            (GIB + 1, "3.03"),
            (2 * GIB - 1, "6"),
            (3 * GIB + 2 * MIB, "9.06"),
        ] {
            assert_eq!(price_of_volume(&ladder(), volume), yuan(amount), "{volume}");
        }
    }

    #[test]
    fn data_stops_at_the_last_byte_that_the_cap_pays_for() {
        let block = OverageModel::Block { price: yuan("10"), block: GIB };
        let unit = OverageModel::Unit { price: yuan("0.29"), unit: MIB };
        let free_until_the_block_is_full =
            OverageModel::Ladder { price: Decimal::ZERO, unit: MIB, block_price: yuan("2"), block: GIB };
        for (model, cap, volume) in [
            (&ladder(), "0", 0),
            (&ladder(), "0.02", 0),
            (&ladder(), "2.99", 99 * MIB),
            (&ladder(), "3", GIB),
            (&ladder(), "5", GIB + 66 * MIB),
            (&block, "9.99", 0),
            (&block, "25", 2 * GIB),
            (&unit, "600", 2068 * MIB),
            (&free_until_the_block_is_full, "5", 3 * GIB - 1),
        ] {
            assert_eq!(largest_volume_within(model, yuan(cap)), volume, "{model:?} {cap}");
        }
        for free in [
            OverageModel::Unit { price: Decimal::ZERO, unit: 1 },
            OverageModel::Block { price: Decimal::ZERO, block: GIB },
            OverageModel::Ladder { price: Decimal::ZERO, unit: 1, block_price: Decimal::ZERO, block: GIB },
        ] {
            assert_eq!(largest_volume_within(&free, Decimal::ZERO), u64::MAX);
        }
    }

    #[test]
    fn the_largest_quantities_and_prices_do_not_overflow() {
        let most = Decimal::from(100_000_000);
        let dear = OverageModel::Unit { price: most, unit: 1 };
        assert_eq!(price_of_volume(&dear, QUANTITY_MAX).to_string(), "79228162514264337593543.950335");
        let exact = OverageModel::Unit { price: yuan("0.000001"), unit: 1 };
        assert_eq!(price_of_volume(&exact, QUANTITY_MAX), yuan("1125899906.842624"));
        assert_eq!(largest_volume_within(&OverageModel::Block { price: yuan("0.000001"), block: GIB }, most), u64::MAX);
    }

    pub fn small_model() -> impl Strategy<Value = OverageModel> {
        let amount = (0_i64..60).prop_map(|n| Decimal::new(n, 2));
        let sizes = (1_u64..12).prop_flat_map(|unit| (Just(unit), unit..40));
        prop_oneof![
            (amount.clone(), 1_u64..20).prop_map(|(price, unit)| OverageModel::Unit { price, unit }),
            (amount.clone(), 1_u64..40).prop_map(|(price, block)| OverageModel::Block { price, block }),
            (amount.clone(), amount, sizes).prop_map(|(a, b, (unit, block))| OverageModel::Ladder {
                price: a.min(b),
                unit,
                block_price: a.max(b),
                block
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn f_never_falls(model in small_model(), a in 0_u64..2000, b in 0_u64..2000) {
            prop_assert!(price_of_volume(&model, a.min(b)) <= price_of_volume(&model, a.max(b)));
            prop_assert_eq!(price_of_volume(&model, 0), Decimal::ZERO);
        }

        #[test]
        fn v_star_is_the_largest_volume_within_the_cap(model in small_model(), cap in 0_i64..400) {
            let cap = Decimal::new(cap, 2);
            let stop = largest_volume_within(&model, cap);
            // Prices are a fen at least, so 40 units a fen is beyond whatever 4 yuan pay for.
            let tried = (0_u64..20_000).take_while(|v| price_of_volume(&model, *v) <= cap).last();
            if stop < 20_000 {
                prop_assert_eq!(tried, Some(stop));
            } else {
                prop_assert_eq!(tried, Some(19_999));
            }
        }
    }
}
