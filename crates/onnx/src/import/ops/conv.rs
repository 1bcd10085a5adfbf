//! Convolutions. ONNX has channels first, kernels `(O, C / groups, K..)`; the graph has them last.

use crate::import::call::{Call, Made, Trouble};
use adaline_graph::{ConvSpec, MAX_SPATIAL, Var};

/// Strides, dilation and pads of a window over spatial axes.
pub(crate) struct Window {
    pub(crate) kernel: Vec<usize>,
    pub(crate) strides: Vec<usize>,
    pub(crate) dilation: Vec<usize>,
    pub(crate) before: Vec<usize>,
    pub(crate) after: Vec<usize>,
}

/// A list of sizes of an attribute, one for each spatial axis.
pub(crate) fn per_axis(c: &Call<'_, '_>, name: &str, n: usize) -> Result<Vec<usize>, Trouble> {
    let Some(list) = c.list(name)? else { return Ok(vec![1; n]) };
    let sizes: Option<Vec<usize>> = list.iter().map(|&v| usize::try_from(v).ok().filter(|v| (1..1 << 31).contains(v))).collect();
    match sizes {
        Some(s) if s.len() == n => Ok(s),
        _ => Err(format!("attribute `{name}` must be {n} sizes of at least 1, not {list:?}").into()),
    }
}

impl Window {
    /// For an input of these spatial sizes.
    pub(crate) fn read(c: &Call<'_, '_>, spatial: &[usize], kernel: &[usize]) -> Result<Self, Trouble> {
        let n = spatial.len();
        let (strides, dilation) = (per_axis(c, "strides", n)?, per_axis(c, "dilations", n)?);
        let (mut before, mut after) = (vec![0; n], vec![0; n]);
        let auto = c.text_or("auto_pad", "NOTSET")?;
        match auto {
            "SAME_UPPER" | "SAME_LOWER" => {
                for a in 0..n {
                    let span = (kernel[a].saturating_sub(1)).saturating_mul(dilation[a]).saturating_add(1);
                    let reach = spatial[a].div_ceil(strides[a]).saturating_sub(1).saturating_mul(strides[a]).saturating_add(span);
                    let total = reach.saturating_sub(spatial[a]);
                    before[a] = if auto == "SAME_UPPER" { total / 2 } else { total.div_ceil(2) };
                    after[a] = total - before[a];
                }
            }
            "VALID" => {}
            "NOTSET" | "" => {
                if let Some(pads) = c.list("pads")? {
                    let pads: Option<Vec<usize>> = pads.iter().map(|&p| usize::try_from(p).ok().filter(|&p| p < 1 << 31)).collect();
                    let pads = pads.filter(|p| p.len() == 2 * n).ok_or_else(|| format!("attribute `pads` must be {} sizes", 2 * n))?;
                    before.copy_from_slice(&pads[..n]);
                    after.copy_from_slice(&pads[n..]);
                }
            }
            other => return Err(format!("attribute `auto_pad` cannot be {other}").into()),
        }
        Ok(Self { kernel: kernel.to_vec(), strides, dilation, before, after })
    }
    /// Cells that the kernel spans along an axis.
    pub(crate) fn span(&self, a: usize) -> usize {
        (self.kernel[a].saturating_sub(1)).saturating_mul(self.dilation[a]).saturating_add(1)
    }
    fn spec(&self, groups: usize) -> ConvSpec {
        let mut spec = ConvSpec::valid(&self.strides, &self.dilation).with_groups(groups);
        spec.before[..self.before.len()].copy_from_slice(&self.before);
        spec.after[..self.after.len()].copy_from_slice(&self.after);
        spec
    }
}

/// `(B, C, S..)` as `(B, S.., C)`.
pub(crate) fn channels_last(x: Var<'_>) -> Var<'_> {
    let r = x.rank();
    let perm: Vec<usize> = std::iter::once(0).chain(2..r).chain(std::iter::once(1)).collect();
    x.transpose(&perm[..r])
}
/// `(B, S.., C)` as `(B, C, S..)`.
pub(crate) fn channels_first(x: Var<'_>) -> Var<'_> {
    let r = x.rank();
    let perm: Vec<usize> = [0, r.max(1) - 1].into_iter().chain(1..r.max(1) - 1).collect();
    x.transpose(&perm[..r])
}
/// Spatial sizes of `(B, C, S..)`.
pub(crate) fn spatial(x: Var<'_>) -> Result<Vec<usize>, Trouble> {
    let r = x.rank();
    if (3..=MAX_SPATIAL + 2).contains(&r) {
        Ok(x.shape().dims()[2..].to_vec())
    } else {
        Err(format!("it takes (batch, channels, 1 to {MAX_SPATIAL} spatial axes), not a tensor of shape {}", x.shape()).into())
    }
}

fn kernel_of(c: &Call<'_, '_>, w: Var<'_>, n: usize) -> Result<Vec<usize>, Trouble> {
    let kernel = w.shape().dims().get(2..).unwrap_or(&[]).to_vec();
    let named = c.list("kernel_shape")?;
    if kernel.len() != n || named.is_some_and(|k| k.iter().map(|&v| v as usize).ne(kernel.iter().copied())) {
        return Err(format!("a kernel of shape {} does not go over {n} spatial axes (`kernel_shape` {named:?})", w.shape()).into());
    }
    Ok(kernel)
}
fn groups(c: &Call<'_, '_>) -> Result<usize, Trouble> {
    usize::try_from(c.int_or("group", 1)?).ok().filter(|&g| g > 0).ok_or_else(|| "attribute `group` must be at least 1".into())
}
fn biased<'g>(c: &Call<'_, 'g>, y: Var<'g>) -> Made<'g> {
    let y = match c.maybe_float(2)? {
        Some(bias) => y + bias,
        None => y,
    };
    c.like(channels_first(y))
}

pub(crate) fn conv<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, w) = (c.float(0)?, c.float(1)?);
    let sizes = spatial(x)?;
    let kernel = kernel_of(c, w, sizes.len())?;
    let spec = Window::read(c, &sizes, &kernel)?.spec(groups(c)?);
    // (O, C / g, K..) as (K.., C / g, O).
    let r = w.rank();
    let perm: Vec<usize> = (2..r).chain([1, 0]).collect();
    biased(c, channels_last(x).conv(w.transpose(&perm), spec))
}

pub(crate) fn conv_transpose<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, w) = (c.float(0)?, c.float(1)?);
    let sizes = spatial(x)?;
    let n = sizes.len();
    let kernel = kernel_of(c, w, n)?;
    let groups = groups(c)?;
    let mut window = Window::read(c, &sizes, &kernel)?;
    let extra = match c.list("output_padding")? {
        Some(p) => super::shape::sizes(p)?,
        None => vec![0; n],
    };
    let wanted = c.list("output_shape")?.map(super::shape::sizes).transpose()?;
    let auto = c.text_or("auto_pad", "NOTSET")?;
    if extra.len() != n || wanted.as_ref().is_some_and(|w| w.len() < n) {
        return Err(format!("attributes `output_padding` and `output_shape` must be {n} sizes").into());
    }
    let (mut result, mut tail) = (Vec::with_capacity(n), vec![0; n]);
    for a in 0..n {
        // Where the last cell of the kernel comes to lie.
        let reach = sizes[a].saturating_sub(1).saturating_mul(window.strides[a]).saturating_add(window.span(a));
        let full = reach.saturating_add(extra[a]);
        let size = match (&wanted, auto) {
            (Some(w), _) => Some(w[w.len() - n + a]),
            (None, "SAME_UPPER" | "SAME_LOWER") => Some(sizes[a].saturating_mul(window.strides[a])),
            _ => None,
        };
        let size = match size {
            Some(size) => {
                let total = full.saturating_sub(size);
                window.before[a] = if auto == "SAME_UPPER" { total / 2 } else { total.div_ceil(2) };
                size
            }
            None => full.checked_sub(window.before[a] + window.after[a]).ok_or("its pads are larger than its result")?,
        };
        // What the last cell does not reach is zero.
        let reached = reach.saturating_sub(window.before[a]).min(size);
        tail[a] = size - reached;
        window.after[a] = reach.saturating_sub(reached + window.before[a]);
        result.push(reached);
    }
    // (C, O / g, K..) as (K.., O / g, C): the kernel of the convolution whose gradient this is.
    let r = w.rank();
    let perm: Vec<usize> = (2..r).chain([1, 0]).collect();
    let mut y = channels_last(x).conv_transpose(w.transpose(&perm), window.spec(groups), &result);
    if tail.iter().any(|&t| t > 0) {
        let pads: Vec<(usize, usize)> =
            std::iter::once((0, 0)).chain(tail.iter().map(|&t| (0, t))).chain(std::iter::once((0, 0))).collect();
        y = y.pad(&pads);
    }
    biased(c, y)
}
