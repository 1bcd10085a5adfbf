//! Fused graphs as text for people: `adaline dump --stage fused`.

use super::{Edge, Fused, Kind, Place, Region, Update};
use crate::{NodeId, Op};
use std::fmt;

impl Fused {
    /// One line that says what a region does: `rows 32x10: max sub exp sum div`.
    pub fn summary(&self, region: &Region) -> String {
        let (r, c) = region.space.grid();
        let head = match region.kind {
            Kind::Loop => format!("loop {}", region.space.len()),
            Kind::Rows => format!("rows {r}x{c}"),
            Kind::Columns if c == 1 => format!("total {r}"),
            Kind::Columns => format!("columns {r}x{c}"),
            Kind::Product(n) => self.graph.node(n).op.name().into(),
            Kind::Move(_) => "move".into(),
            Kind::Opaque(_) => "alone".into(),
        };
        let ops = self.ops(region);
        if ops.is_empty() { head } else { format!("{head}: {}", ops.join(" ")) }
    }

    /// Names of what a region does, in order, without its product.
    pub fn ops(&self, region: &Region) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let name = |n: NodeId| if self.is_copy(n) { "copy" } else { self.graph.node(n).op.name() };
        for place in [Place::Full, Place::Row, Place::One, Place::Col] {
            let at_end = matches!(place, Place::One | Place::Col);
            // Rows and their elements are one stream of operations; what follows the sums comes after.
            let members = region.members.iter().filter(|m| match place {
                Place::Full => matches!(m.place, Place::Full | Place::Row),
                Place::Row => false,
                p => m.place == p,
            });
            let names: Vec<&str> = members.filter(|m| Some(m.node) != region.product()).map(|m| name(m.node)).collect();
            if at_end && !names.is_empty() {
                out.push("|".into());
            }
            out.extend(names.into_iter().map(String::from));
        }
        out
    }
}

impl Region {
    /// The matrix product of this region, if it is one.
    pub fn product(&self) -> Option<NodeId> {
        match self.kind {
            Kind::Product(n) => Some(n),
            _ => None,
        }
    }
}

impl fmt::Display for Fused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, region) in self.regions.iter().enumerate() {
            writeln!(f, "region {i}: {}", self.summary(region))?;
            for m in &region.members {
                let n = self.graph.node(m.node);
                write!(f, "  {:<5}%{} = ", format!("{:?}", m.place).to_lowercase(), m.node.0)?;
                f.write_str(if self.is_copy(m.node) { "copy" } else { n.op.name() })?;
                if let Op::Dot { ta, tb } = n.op {
                    write!(f, "[{}{}]", if ta { 't' } else { 'n' }, if tb { 't' } else { 'n' })?;
                }
                for (k, e) in self.edges(region, m.node).unwrap_or_default().iter().enumerate() {
                    f.write_str(if k == 0 { " " } else { ", " })?;
                    self.write_edge(f, e)?;
                }
                write!(f, " : {}", n.ty)?;
                if region.outputs.contains(&m.node) {
                    f.write_str(" ->")?;
                    for u in &self.updates {
                        if let Update::InPlace { slot, node, .. } = u
                            && *node == m.node
                        {
                            write!(f, " @{}", self.slot_name(*slot))?;
                        }
                    }
                }
                let origin = self.graph.origin_path(n.origin);
                writeln!(f, "{}{origin}", if origin.is_empty() { "" } else { "  # " })?;
            }
        }
        for u in &self.updates {
            if let Update::Copy { slot, node } = u {
                writeln!(f, "copy %{} -> @{}", node.0, self.slot_name(*slot))?;
            }
        }
        for (name, n) in &self.graph.outputs().values {
            writeln!(f, "output {name} = %{}", self.memory_of(*n).map_or(n.0, |v| v.base.0))?;
        }
        for n in &self.notes {
            writeln!(f, "note: {n}")?;
        }
        Ok(())
    }
}

impl Fused {
    fn slot_name(&self, slot: crate::SlotId) -> String {
        self.graph.slots().iter().find(|s| s.slot == slot).map_or_else(|| format!("slot{}", slot.0), |s| s.name.clone())
    }

    fn write_edge(&self, f: &mut fmt::Formatter<'_>, e: &Edge) -> fmt::Result {
        match e {
            Edge::Value(n) => write!(f, "%{}", n.0),
            Edge::Expand(n) => write!(f, "%{}*", n.0),
            Edge::Const(c) => write!(f, "{c:?}"),
            Edge::Load(v) => {
                match self.graph.node(v.base).op {
                    Op::Input { id, .. } => write!(f, "[{}", self.graph.inputs()[id.index()].name)?,
                    Op::State { slot, .. } => write!(f, "[@{}", self.slot_name(slot))?,
                    _ => write!(f, "[%{}", v.base.0)?,
                }
                if v.offset > 0 {
                    write!(f, "+{}", v.offset)?;
                }
                if v.access() == super::Access::Strided {
                    for (size, stride) in v.merged() {
                        write!(f, " {size}:{stride}")?;
                    }
                }
                f.write_str("]")
            }
        }
    }
}
