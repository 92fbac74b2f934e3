//! Half-precision floats (RFC 8949 appendix D): 1 bit sign, 5 bits exponent, 10 bits fraction.

/// The double that a half is; every half is one exactly.
pub(super) fn to_double(half: u16) -> f64 {
    let exponent = i32::from((half >> 10) & 0x1F);
    let fraction = f64::from(half & 0x3FF);
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2f64.powi(exponent - 25),
    };
    if half & 0x8000 == 0 { size } else { -size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_8949_are_read_exactly() {
        for (half, double) in [
            (0x0000, 0.0),
            (0x3C00, 1.0),
            (0x3E00, 1.5),
            (0x7BFF, 65_504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x0400, 0.000_061_035_156_25),
            (0xC400, -4.0),
            (0x7C00, f64::INFINITY),
            (0xFC00, f64::NEG_INFINITY),
        ] {
            assert!(to_double(half) == double, "{half:04x}");
        }
        assert!(to_double(0x7E00).is_nan());
    }
}
