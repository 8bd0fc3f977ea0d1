//! Bits of whole numbers.

use super::super::rows::{Function, Kind, function};
use super::overflow;
use crate::error::Error;

pub(super) fn functions() -> Vec<Function> {
    use Kind::Int;
    vec![
        function("xor", "xor(a, b)", "the bits that are in one of two numbers only", "xor(5, 3)")
            .form(&[Int, Int], Int, |a| Ok((a.int(0)? ^ a.int(1)?).into())),
        function("bit_count", "bit_count(n)", "how many bits are set, of 64", "bit_count(7)")
            .form(&[Int], Int, |a| Ok(i64::from(a.int(0)?.count_ones()).into())),
        function("get_bit", "get_bit(n, place)", "the bit at a place, counted from the lowest", "get_bit(5, 0)").form(
            &[Int, Int],
            Int,
            |a| {
                let place = u32::try_from(a.int(1)?)
                    .ok()
                    .filter(|place| *place < 64)
                    .ok_or_else(|| Error::invalid("a bit's place is from 0 to 63"))?;
                Ok((a.int(0)? >> place & 1).into())
            },
        ),
        function("bit_shift_left", "bit_shift_left(n, places)", "the bits moved to the left", "bit_shift_left(1, 4)").form(
            &[Int, Int],
            Int,
            |a| {
                let (n, places) = (a.int(0)?, u32::try_from(a.int(1)?).ok());
                let shifted =
                    places.and_then(|places| n.checked_shl(places).filter(|shifted| n >= 0 && *shifted >= 0 && shifted >> places == n));
                Ok(shifted.ok_or_else(|| overflow(&format!("{n} << {}", a.int(1).unwrap_or_default())))?.into())
            },
        ),
    ]
}
