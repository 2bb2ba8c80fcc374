//! A directed graph without circles: who waits for whom.

/// Nodes that wait for each other in a circle, or an edge to a node that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphError {
    /// These wait for each other: each for the next, the last for the first.
    Circle(Vec<u32>),
    /// An edge names this node.
    NoSuchNode(u32),
}

/// Nodes 0 to n - 1 and their edges, each way in one array (compressed sparse rows), and an order in which every node stands
/// behind those that it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    children: Rows,
    parents: Rows,
    order: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rows {
    from: Vec<u32>,
    to: Vec<u32>,
}

impl Rows {
    fn new(nodes: usize, edges: &[(u32, u32)], row: impl Fn(&(u32, u32)) -> (u32, u32)) -> Self {
        let mut from = vec![0_u32; nodes + 1];
        edges.iter().for_each(|edge| from[row(edge).0 as usize + 1] += 1);
        for i in 0..nodes {
            from[i + 1] += from[i];
        }
        let mut next = from.clone();
        let mut to = vec![0; edges.len()];
        for edge in edges {
            let (at, other) = row(edge);
            to[next[at as usize] as usize] = other;
            next[at as usize] += 1;
        }
        Self { from, to }
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.to[self.from[node as usize] as usize..self.from[node as usize + 1] as usize]
    }
}

impl Graph {
    /// No node.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(0, Vec::new()).expect("a graph of nothing has no circle")
    }

    /// A graph of `nodes` nodes; an edge is (first, then). One that is given twice counts once.
    ///
    /// # Errors
    /// Where nodes wait for each other, or an edge leads to no node.
    pub fn new(nodes: usize, mut edges: Vec<(u32, u32)>) -> Result<Self, GraphError> {
        if let Some(&(a, b)) = edges.iter().find(|(a, b)| *a.max(b) as usize >= nodes) {
            return Err(GraphError::NoSuchNode(a.max(b)));
        }
        edges.sort_unstable();
        edges.dedup();
        let children = Rows::new(nodes, &edges, |(a, b)| (*a, *b));
        let parents = Rows::new(nodes, &edges, |(a, b)| (*b, *a));
        let mut graph = Self { children, parents, order: Vec::with_capacity(nodes) };
        graph.sort()?;
        Ok(graph)
    }

    /// Kahn's order (1962); of nodes that are free at once, the lower number first.
    fn sort(&mut self) -> Result<(), GraphError> {
        let mut open: Vec<u32> = (0..self.nodes()).map(|node| self.parents(node).len() as u32).collect();
        let mut order: Vec<u32> = (0..self.nodes()).filter(|node| open[*node as usize] == 0).collect();
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            at += 1;
            for &child in self.children(node) {
                open[child as usize] -= 1;
                if open[child as usize] == 0 {
                    order.push(child);
                }
            }
        }
        match (0..self.nodes()).find(|node| open[*node as usize] > 0) {
            Some(stuck) => Err(GraphError::Circle(self.circle(stuck, &open))),
            None => {
                self.order = order;
                Ok(())
            }
        }
    }

    /// From a node that never became free back to one that was seen before: each such node waits for another.
    fn circle(&self, stuck: u32, open: &[u32]) -> Vec<u32> {
        let mut way = vec![stuck];
        loop {
            let last = way[way.len() - 1];
            let Some(&before) = self.parents(last).iter().find(|parent| open[**parent as usize] > 0) else {
                return way;
            };
            if let Some(at) = way.iter().position(|node| *node == before) {
                way.drain(..at);
                way.reverse();
                return way;
            }
            way.push(before);
        }
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.children.from.len() as u32 - 1
    }

    /// Number of edges.
    #[must_use]
    pub fn edges(&self) -> usize {
        self.children.to.len()
    }

    /// Nodes that wait for this one.
    #[must_use]
    pub fn children(&self, node: u32) -> &[u32] {
        self.children.of(node)
    }

    /// Nodes that this one waits for.
    #[must_use]
    pub fn parents(&self, node: u32) -> &[u32] {
        self.parents.of(node)
    }

    /// All nodes, each behind those that it waits for.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The same with every edge turned around.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let order = self.order.iter().rev().copied().collect();
        Self { children: self.parents.clone(), parents: self.children.clone(), order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_circle_is_told_by_its_nodes_in_order() {
        let edges = vec![(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)];
        let Err(GraphError::Circle(nodes)) = Graph::new(5, edges.clone()) else { panic!("no circle") };
        assert_eq!(nodes.len(), 3, "{nodes:?}");
        for (at, node) in nodes.iter().enumerate() {
            assert!(edges.contains(&(*node, nodes[(at + 1) % 3])), "{nodes:?}");
        }
        assert_eq!(Graph::new(2, vec![(1, 1)]), Err(GraphError::Circle(vec![1])));
        assert_eq!(Graph::new(2, vec![(0, 2)]), Err(GraphError::NoSuchNode(2)));
    }

    proptest! {
        #[test]
        fn every_node_stands_behind_those_it_waits_for(edges in prop::collection::vec((0_u32..30, 0_u32..30), 0..120), shift in 0_u32..30) {
            // Renamed, so that the order of numbers is not the order of edges.
            let named = |node: u32| (node * 7 + shift) % 31;
            let edges: Vec<(u32, u32)> =
                edges.into_iter().filter(|(a, b)| a < b).map(|(a, b)| (named(a), named(b))).collect();
            let graph = Graph::new(31, edges.clone()).expect("no circle");
            let mut place = vec![usize::MAX; 31];
            graph.order().iter().enumerate().for_each(|(at, node)| place[*node as usize] = at);
            prop_assert!(place.iter().all(|at| *at < 31));
            prop_assert!(edges.iter().all(|(a, b)| place[*a as usize] < place[*b as usize]));
            prop_assert!(edges.iter().all(|(a, b)| graph.children(*a).contains(b) && graph.parents(*b).contains(a)));
            let turned = graph.reversed();
            prop_assert_eq!(turned.edges(), graph.edges());
            prop_assert!(edges.iter().all(|(a, b)| turned.children(*b).contains(a)));
        }
    }
}
