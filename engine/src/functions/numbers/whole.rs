//! Whole numbers: divisors, multiples, factorials. A result that has no place is an error.

use super::super::rows::{Function, Kind, Out, function};
use super::whole_result;
use crate::error::{Error, Result};

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Float, Int};
    vec![
        function("gcd", "gcd(a, b)", "the greatest common divisor", "gcd(12, 18)").also(&["greatest_common_divisor"]).form(
            &[Int, Int],
            Int,
            |a| whole_result(i64::try_from(gcd(a.int(0)?, a.int(1)?)).ok(), "the greatest common divisor"),
        ),
        function("lcm", "lcm(a, b)", "the least common multiple", "lcm(4, 6)").also(&["least_common_multiple"]).form(
            &[Int, Int],
            Int,
            |a| {
                let (left, right) = (a.int(0)?, a.int(1)?);
                if left == 0 || right == 0 {
                    return Ok(Out::Int(0));
                }
                let multiple = (left.unsigned_abs() / gcd(left, right)).checked_mul(right.unsigned_abs());
                whole_result(multiple.and_then(|multiple| i64::try_from(multiple).ok()), "the least common multiple")
            },
        ),
        function("factorial", "factorial(n)", "the product of all whole numbers from 1 to n", "factorial(5)")
            .form(&[Int], Int, |a| factorial(a.int(0)?)),
        function("div", "div(a, b)", "the quotient without its fraction", "div(7, 2)")
            .also(&["integer_divide"])
            .form(&[Int, Int], Int, |a| match a.int(1)? {
                0 => Err(by_zero()),
                divisor => whole_result(a.int(0)?.checked_div(divisor), "the quotient"),
            })
            .form(&[Float, Float], Float, |a| Ok((a.float(0)? / a.float(1)?).trunc().into())),
        function("mod", "mod(a, b)", "what a division leaves over, with the sign of a", "mod(7, 3)")
            .form(&[Int, Int], Int, |a| match a.int(1)? {
                0 => Err(by_zero()),
                divisor => Ok(a.int(0)?.checked_rem(divisor).unwrap_or(0).into()),
            })
            .form(&[Float, Float], Float, |a| Ok((a.float(0)? % a.float(1)?).into())),
    ]
}

fn by_zero() -> Error {
    Error::invalid("division by zero").with_hint("nullif(x, 0) makes it NULL")
}

fn gcd(left: i64, right: i64) -> u64 {
    let (mut left, mut right) = (left.unsigned_abs(), right.unsigned_abs());
    while right != 0 {
        (left, right) = (right, left % right);
    }
    left
}

fn factorial(n: i64) -> Result<Out<'static>> {
    if n < 0 {
        return Err(Error::invalid("a negative number has no factorial"));
    }
    let product = (1..=n.min(21)).try_fold(1_i64, |product, factor| product.checked_mul(factor));
    whole_result(product.filter(|_| n <= 20), &format!("factorial({n})"))
}
