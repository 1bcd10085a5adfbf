//! Naming instruction sets and entering code compiled for one of them.

use super::{Portable, Simd, WithSimd};

/// An instruction set by name. Naming one does not require that the CPU has it: [`dispatch`] falls back to portable code, whose results
/// are the same bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isa {
    /// Plain Rust, 4 lanes; `f32::mul_add` keeps the bits of machines with fused multiply-add.
    Portable,
    /// 64-bit ARM, 4 lanes.
    Neon,
    /// x86-64 with AVX2 and FMA, 8 lanes.
    Avx2,
    /// x86-64 with AVX-512F, 16 lanes; AVX512-BF16 is used with it where the CPU has that too.
    Avx512,
}

impl Isa {
    /// All names.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::Avx2::detect().is_some(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::Avx512::detect().is_some(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => super::Neon::detect().is_some(),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Those this CPU has, the slowest first; never empty.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The fastest this CPU has.
    pub fn best() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// The one that the environment variable `ADALINE_ISA` names, or the best. An unknown or missing instruction set is an error.
    pub fn from_env() -> Result<Self, UnknownIsa> {
        match std::env::var("ADALINE_ISA") {
            Err(_) => Ok(Self::best()),
            Ok(name) if name.trim().is_empty() => Ok(Self::best()),
            Ok(name) => {
                let isa: Self = name.parse()?;
                if isa.is_available() { Ok(isa) } else { Err(UnknownIsa { name }) }
            }
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

impl std::str::FromStr for Isa {
    type Err = UnknownIsa;
    fn from_str(s: &str) -> Result<Self, UnknownIsa> {
        match s.trim().to_ascii_lowercase().as_str() {
            "portable" => Ok(Self::Portable),
            "neon" => Ok(Self::Neon),
            "avx2" => Ok(Self::Avx2),
            "avx512" => Ok(Self::Avx512),
            _ => Err(UnknownIsa { name: s.into() }),
        }
    }
}

/// A name that is no instruction set, or one that this CPU does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownIsa {
    /// What was given.
    pub name: String,
}

impl std::fmt::Display for UnknownIsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "instruction set {:?} is unknown or missing on this CPU; here there are: ", self.name)?;
        for (i, isa) in Isa::available().into_iter().enumerate() {
            write!(f, "{}{isa}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownIsa {}

/// Runs `op` compiled for `isa`, or for [`Portable`] where the CPU lacks it.
#[inline]
pub fn dispatch<W: WithSimd>(isa: Isa, op: W) -> W::Output {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            if let Some(token) = super::Avx512::detect() {
                return token.vectorize(op);
            }
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => {
            if let Some(token) = super::Avx2::detect() {
                return token.vectorize(op);
            }
        }
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => {
            if let Some(token) = super::Neon::detect() {
                return token.vectorize(op);
            }
        }
        _ => {}
    }
    Portable.vectorize(op)
}
