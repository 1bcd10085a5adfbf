//! Whether one cluster depends on another: the test that keeps regions free of cycles.

use super::cluster::Cluster;
use crate::{Graph, NodeId};

/// Scratch of the searches, kept between them.
pub(super) struct Reach {
    node_seen: Vec<u32>,
    cluster_seen: Vec<u32>,
    stamp: u32,
    stack: Vec<NodeId>,
}

impl Reach {
    pub(super) fn new(nodes: usize) -> Self {
        Self { node_seen: vec![0; nodes], cluster_seen: Vec::new(), stamp: 0, stack: Vec::new() }
    }

    /// Whether computing any of `from` needs a node of `inside` (a cluster, by its members), where whoever is in a cluster needs all
    /// that the cluster needs. `homes` gives the cluster of each node.
    pub(super) fn reaches(
        &mut self,
        graph: &Graph,
        clusters: &[Cluster],
        homes: &[Option<u32>],
        from: impl Iterator<Item = NodeId>,
        inside: &[u32],
    ) -> bool {
        self.stamp += 1;
        self.cluster_seen.resize(clusters.len(), 0);
        self.stack.clear();
        self.stack.extend(from);
        while let Some(n) = self.stack.pop() {
            if std::mem::replace(&mut self.node_seen[n.index()], self.stamp) == self.stamp {
                continue;
            }
            if let Some(c) = homes[n.index()] {
                if inside.contains(&c) {
                    return true;
                }
                let cluster = &clusters[c as usize];
                if std::mem::replace(&mut self.cluster_seen[c as usize], self.stamp) == self.stamp {
                    continue;
                }
                for m in cluster.members.nodes() {
                    self.stack.extend(graph.node(m).inputs.iter().filter(|i| !cluster.members.contains(**i)));
                }
            } else {
                self.stack.extend(&graph.node(n).inputs);
            }
        }
        false
    }
}
