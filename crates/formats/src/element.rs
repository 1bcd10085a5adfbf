//! Raw elements of a file to the three element types we keep.

use crate::TensorBytes;

/// How the elements of a tensor in a file are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    kind: Kind,
    big_endian: bool,
}

/// A type of elements; of integers, how many bytes one takes: 1, 2, 4 or 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    Signed(usize),
    Unsigned(usize),
}

impl Element {
    /// An element of this kind.
    pub(crate) fn new(kind: Kind, big_endian: bool) -> Self {
        Self { kind, big_endian }
    }

    /// Bytes an element takes in the file.
    pub(crate) fn size(self) -> usize {
        match self.kind {
            Kind::F16 | Kind::Bf16 => 2,
            Kind::F32 => 4,
            Kind::F64 => 8,
            Kind::Signed(size) | Kind::Unsigned(size) => size,
        }
    }

    /// Decode. The error says which value does not fit the type we keep it in.
    pub(crate) fn decode(self, raw: &[u8]) -> Result<TensorBytes, String> {
        Ok(match self.kind {
            Kind::F16 => TensorBytes::F32(self.elements(raw).map(|b| f16_to_f32(u16::from_le_bytes(b))).collect()),
            Kind::Bf16 => TensorBytes::F32(self.elements(raw).map(|b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)).collect()),
            Kind::F32 => TensorBytes::F32(self.elements(raw).map(f32::from_le_bytes).collect()),
            Kind::F64 => TensorBytes::F32(self.elements(raw).map(|b| narrow(f64::from_le_bytes(b))).collect::<Result<_, _>>()?),
            Kind::Signed(1) => self.to_i32(raw, i8::from_le_bytes),
            Kind::Unsigned(1) => self.to_i32(raw, u8::from_le_bytes),
            Kind::Signed(2) => self.to_i32(raw, i16::from_le_bytes),
            Kind::Unsigned(2) => self.to_i32(raw, u16::from_le_bytes),
            Kind::Signed(4) => self.to_i32(raw, i32::from_le_bytes),
            Kind::Unsigned(4) => TensorBytes::I64(self.elements(raw).map(|b| i64::from(u32::from_le_bytes(b))).collect()),
            Kind::Signed(_) => TensorBytes::I64(self.elements(raw).map(i64::from_le_bytes).collect()),
            Kind::Unsigned(_) => TensorBytes::I64(
                self.elements(raw)
                    .map(|b| {
                        let value = u64::from_le_bytes(b);
                        i64::try_from(value).map_err(|_| format!("{value}, too large for int64"))
                    })
                    .collect::<Result<_, _>>()?,
            ),
        })
    }

    /// The elements as little-endian bytes.
    fn elements<const N: usize>(self, raw: &[u8]) -> impl Iterator<Item = [u8; N]> {
        raw.as_chunks::<N>().0.iter().map(move |bytes| {
            let mut bytes = *bytes;
            if self.big_endian {
                bytes.reverse();
            }
            bytes
        })
    }

    fn to_i32<const N: usize, T: Into<i32>>(self, raw: &[u8], from: fn([u8; N]) -> T) -> TensorBytes {
        TensorBytes::I32(self.elements(raw).map(|b| from(b).into()).collect())
    }
}

/// float64 to float32: rounding to nearest is what every user of a weight wants; turning a finite number into infinity
/// is not.
fn narrow(value: f64) -> Result<f32, String> {
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        return Err(format!("{value:e}, too large for float32"));
    }
    Ok(narrow)
}

/// IEEE 754 binary16 to binary32, exact for every value.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let mantissa = u32::from(bits) & 0x3ff;
    match (exponent, mantissa) {
        // Zero and subnormals: mantissa * 2^-24, exact in f32.
        (0, _) => {
            let magnitude = mantissa as f32 * f32::from_bits((127 - 24) << 23);
            f32::from_bits(sign | magnitude.to_bits())
        }
        (31, _) => f32::from_bits(sign | 0x7f80_0000 | (mantissa << 13)),
        _ => f32::from_bits(sign | ((exponent + 127 - 15) << 23) | (mantissa << 13)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_exact() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555_e-5),
            (0x0400, 6.103_515_6e-5),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(f16_to_f32(bits), value, "{bits:#06x}");
        }
        assert!(f16_to_f32(0x8000).is_sign_negative());
        assert!(f16_to_f32(0x7e00).is_nan());
    }

    #[test]
    fn decodes_both_byte_orders_and_every_width() {
        let element = |kind, big_endian| Element { kind, big_endian };
        let cases: [(Element, &[u8], TensorBytes); 10] = [
            (element(Kind::F32, false), &[0, 0, 128, 63], TensorBytes::F32(vec![1.0])),
            (element(Kind::F32, true), &[63, 128, 0, 0], TensorBytes::F32(vec![1.0])),
            (element(Kind::Bf16, false), &[0x80, 0xbf], TensorBytes::F32(vec![-1.0])),
            (element(Kind::Signed(1), false), &[255, 7], TensorBytes::I32(vec![-1, 7])),
            (element(Kind::Unsigned(1), false), &[255, 7], TensorBytes::I32(vec![255, 7])),
            (element(Kind::Signed(2), true), &[255, 254], TensorBytes::I32(vec![-2])),
            (element(Kind::Unsigned(2), false), &[254, 255], TensorBytes::I32(vec![65534])),
            (element(Kind::Unsigned(4), false), &[255; 4], TensorBytes::I64(vec![4294967295])),
            (element(Kind::Signed(8), true), &[255; 8], TensorBytes::I64(vec![-1])),
            (element(Kind::Unsigned(8), false), &[1, 0, 0, 0, 0, 0, 0, 0], TensorBytes::I64(vec![1])),
        ];
        for (element, raw, expected) in cases {
            assert_eq!(element.decode(raw).unwrap(), expected, "{element:?}");
        }
    }

    #[test]
    fn refuses_values_that_do_not_fit() {
        let element = |kind| Element { kind, big_endian: false };
        let error = element(Kind::Unsigned(8)).decode(&[255; 8]).unwrap_err();
        assert!(error.contains("18446744073709551615"), "{error}");
        let error = element(Kind::F64).decode(&1e300f64.to_le_bytes()).unwrap_err();
        assert!(error.contains("float32"), "{error}");
        let kept = element(Kind::F64).decode(&f64::INFINITY.to_le_bytes()).unwrap();
        assert_eq!(kept, TensorBytes::F32(vec![f32::INFINITY]));
    }
}
