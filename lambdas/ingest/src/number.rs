//! DynamoDB numbers: decimal text with up to 38 significant digits, 1E-130 to 9.99…E+125 in magnitude, or zero.
//!
//! Source: the DynamoDB developer guide, "Supported data types".

const MAX_SIGNIFICANT_DIGITS: usize = 38;
const VALID_EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// The canonical form of a number: sign, significant digits and exponent. Equal numbers have the same canonical form.
///
/// # Errors
/// What is wrong, without quoting the text.
pub(crate) fn canonical(text: &str) -> Result<String, &'static str> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("is not a valid DynamoDB number, such as \"-12.5\" or \"1e3\"");
    }
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Ok("0".into());
    }
    if significant.len() > MAX_SIGNIFICANT_DIGITS {
        return Err("has more than 38 significant digits");
    }
    // The exponent of the first significant digit: 10 is 1E1.
    let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let magnitude = exponent.saturating_add(signed(whole.len())).saturating_sub(signed(leading) + 1);
    if !VALID_EXPONENTS.contains(&magnitude) {
        return Err("must be 1E-130 to 9.9E+125 in magnitude");
    }
    let sign = if negative { "-" } else { "" };
    Ok(format!("{sign}{significant}e{magnitude}"))
}

/// The size of a canonical number in bytes, as DynamoDB counts it: one byte for every two significant digits, one for the
/// exponent, and one for a minus sign.
pub(crate) fn size(canonical: &str) -> usize {
    let (digits, _) = canonical.split_once('e').unwrap_or((canonical, ""));
    let negative = usize::from(digits.starts_with('-'));
    (digits.len() - negative).div_ceil(2) + 1 + negative
}

fn parse_exponent(text: &str) -> Result<i64, &'static str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("the exponent must be an integer, as in \"1e3\"");
    }
    let limit = if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    Ok(text.parse().unwrap_or(limit))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn equal_numbers_have_the_same_canonical_form() {
        for same in [
            ["100", "1e2", "+1.00E+2"],
            ["-0.5", "-5e-1", "-.5"],
            ["0", "-0.000", "0e999999999999999999999"],
            ["1", "1.", "001"],
        ] {
            assert_eq!(canonical(same[0]), canonical(same[1]));
            assert_eq!(canonical(same[0]), canonical(same[2]));
        }
        assert_ne!(canonical("1"), canonical("-1"));
        assert_ne!(canonical("1"), canonical("10"));
    }

    #[test]
    fn digits_and_exponents_are_limited() {
        let nines = "9".repeat(38);
        for good in [&nines, "1e-130", "9.9e125", "1E+125", &format!("{nines}e88"), "0.0000"] {
            assert!(canonical(good).is_ok(), "{good}");
        }
        let many = format!("{nines}9");
        for bad in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1e1.5",
            "NaN",
            "Infinity",
            "0x10",
            "1_000",
            " 1",
            "1 ",
            "--1",
            "1,5",
            "٣",
            &many,
            "1e126",
            "1e-131",
            "0.1e-130",
            "1e99999999999999999999",
            "1e-99999999999999999999",
        ] {
            assert!(canonical(bad).is_err(), "{bad}");
        }
    }
}
