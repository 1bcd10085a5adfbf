//! Which element types of HDF5 we read.

use hdf5_pure::{Datatype, DatatypeByteOrder};

use crate::element::{Element, Kind};

/// The element type behind an HDF5 type, if it is one that Keras writes. `dtype` is the dataset's `dtype`
/// attribute, by which Keras marks bfloat16, which it stores as two opaque bytes.
pub(super) fn element_of(datatype: &Datatype, dtype: Option<&str>) -> Option<Element> {
    let (kind, order) = match datatype {
        Datatype::FloatingPoint { size, byte_order, layout } => {
            let kind = match (size, layout.exponent_size, layout.mantissa_size, layout.exponent_bias) {
                (2, 5, 10, 15) => Kind::F16,
                (2, 8, 7, 127) => Kind::Bf16,
                (4, 8, 23, 127) => Kind::F32,
                (8, 11, 52, 1023) => Kind::F64,
                _ => return None,
            };
            (kind, byte_order)
        }
        Datatype::FixedPoint { size, byte_order, layout } => {
            let size = *size as usize;
            let whole = layout.bit_offset == 0 && usize::from(layout.bit_precision) == size * 8;
            if !matches!(size, 1 | 2 | 4 | 8) || !whole {
                return None;
            }
            let kind = if layout.signed { Kind::Signed(size) } else { Kind::Unsigned(size) };
            (kind, byte_order)
        }
        // A boolean, as h5py writes it: an enumeration of FALSE and TRUE over one byte.
        Datatype::Enumeration { base_type, members, .. } if members.len() == 2 => {
            return element_of(base_type, None).filter(|e| e.size() == 1);
        }
        Datatype::Opaque { size: 2, .. } if dtype == Some("bfloat16") => (Kind::Bf16, &DatatypeByteOrder::LittleEndian),
        _ => return None,
    };
    let big_endian = match order {
        DatatypeByteOrder::LittleEndian => false,
        DatatypeByteOrder::BigEndian => true,
        DatatypeByteOrder::Vax => return None,
    };
    Some(Element::new(kind, big_endian))
}
