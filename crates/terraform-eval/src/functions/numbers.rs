//! Functions over numbers.
use source_text::{Data, Span, Value};

use crate::values::{number, to_text};

/// Applies a function; `None` when it is not a function over numbers or the result is not known.
pub(crate) fn apply(name: &str, arguments: &[Value], span: Span) -> Option<Value> {
    if let ("parseint", [text, base]) = (name, arguments) {
        let base = to_text(base)?.as_known()?.parse().ok().filter(|b| (2..=36).contains(b))?;
        let number = i64::from_str_radix(to_text(text)?.as_known()?, base).ok()?;
        return Some(Value::new(Data::Number(number.to_string().into()), span));
    }
    let values = arguments.iter().map(|v| to_text(v)?.as_known()?.parse::<f64>().ok()).collect::<Option<Vec<_>>>()?;
    let (first, second) = (*values.first()?, values.get(1).copied());
    let value = match name {
        "max" => values.iter().copied().fold(first, f64::max),
        "min" => values.iter().copied().fold(first, f64::min),
        "abs" => first.abs(),
        "ceil" => first.ceil(),
        "floor" => first.floor(),
        "sum" => values.iter().sum(),
        "pow" => first.powf(second?),
        "log" => first.ln() / second?.ln(),
        "signum" => {
            if first == 0.0 {
                0.0
            } else {
                first.signum()
            }
        }
        _ => return None,
    };
    Some(Value::new(number(value), span))
}
