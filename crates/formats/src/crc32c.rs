//! CRC-32C (Castagnoli), the check sum of TensorFlow's record files, and of our backups.

/// Remainders of all bytes by the reversed polynomial 0x1EDC6F41.
const TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut rest, mut bit) = (byte as u32, 0);
        while bit < 8 {
            rest = if rest & 1 == 1 { (rest >> 1) ^ 0x82F6_3B78 } else { rest >> 1 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
};

/// The check sum of `bytes` behind others whose sum is `before` (0 at the beginning), as RFC 3720 defines it.
pub fn crc32c(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |sum, &b| TABLE[usize::from((sum as u8) ^ b)] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_rfc_3720() {
        // Appendix B.4.
        assert_eq!(crc32c(0, &[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(0, &[0xFF; 32]), 0x62A8_AB43);
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(0, &ascending), 0x46DD_794E);
        assert_eq!(crc32c(crc32c(0, &ascending[..7]), &ascending[7..]), 0x46DD_794E);
    }
}
