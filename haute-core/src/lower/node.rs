//! Writes one node of the scoring path so that `Pipeline.score` gives what `haute run` gives.
//!
//! The two differ in how a node gets its inputs (facts from Haute 0.6.0, `haute.md` §8.5): a run binds inputs by
//! name and applies column settings to every node; `score` passes frames in the order of `connect` calls, calls a
//! hook with its own result in place of the first input, refuses instances, and applies no column settings. So a
//! node is written as one to three functions, and the wires between them are explicit.

use std::fmt::Write as _;

use super::python;
use crate::diagnostic::Diagnostic;
use crate::pipeline::{
    BodyShape, Edge, Function, Graph, Module, NodeKind, Place, ScoringPath, cannot_ship, identifier,
    instance_pairs,
};

/// Where a wire starts.
#[derive(Clone, Debug)]
pub(super) enum From {
    /// At the end of an edge of the graph.
    Edge(Box<Edge>),
    /// At another function of the same node.
    Local(String),
}

/// One input of a written function.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) from: From,
    /// The written function.
    pub(super) to: String,
    /// The role at an edge join.
    pub(super) target_port: Option<String>,
}

/// A node as written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Its functions with their decorators, in order.
    pub(super) functions: Vec<String>,
    /// Their inputs, in the order `score` passes them.
    pub(super) wires: Vec<Wire>,
}

/// One input: its name in the code that does the work, the name of the parameter, and its edge.
struct Input<'g> {
    /// The name the code reads.
    read_as: String,
    /// The name Haute gives the input of this node.
    own: String,
    edge: &'g Edge,
}

/// What is written and for whom.
pub(super) struct Writer<'a> {
    pub(super) graph: &'a Graph,
    pub(super) path: &'a ScoringPath,
    pub(super) receiver: &'static str,
    /// The node.
    pub(super) node: usize,
}

/// Boxed: a refusal is rare and large.
type Refused = Box<Diagnostic>;

impl<'a> Writer<'a> {
    /// Writes the node.
    pub(super) fn write(&self) -> Result<Written, Refused> {
        let (Some(function), Some(own)) = (self.graph.effective(self.node), self.graph.function(self.node))
        else {
            return Ok(Written::default());
        };
        let name = own.name.as_str();
        let inputs = self.inputs(function)?;
        let settings = &function.settings.value;
        let is_shaped = ["selected_columns", "column_renames"]
            .iter()
            .any(|key| settings.get(key).is_some_and(|value| !value.is_empty()));
        if !is_shaped {
            return self.work(function, name, &inputs);
        }
        if matches!(function.kind, NodeKind::ApiInput | NodeKind::Output) {
            return Err(self.refusal(
                format!("the column settings of `{name}` cannot be carried into a release"),
                "remove `selected_columns` and `column_renames` here and do the same in a polars node",
            ));
        }
        let unshaped = format!("{name}__unshaped");
        let mut written = self.work(function, &unshaped, &inputs)?;
        written.functions.push(self.shaping(function, name, &unshaped));
        written.wires.push(Wire { from: From::Local(unshaped), to: name.to_owned(), target_port: None });
        Ok(written)
    }

    fn module(&self) -> Option<&'a Module> {
        let node = self.graph.nodes.get(self.node)?;
        let node = self.graph.nodes.get(node.original.unwrap_or(self.node))?;
        self.graph.modules.get(node.module)
    }

    fn place(&self) -> Option<Place> {
        self.graph.place(self.node)
    }

    #[expect(clippy::unnecessary_box_returns, reason = "the error of every function here is boxed")]
    fn refusal(&self, message: String, help: &str) -> Refused {
        Box::new(cannot_ship::diagnostic(self.place(), message, help))
    }

    fn is_instance(&self) -> bool {
        self.graph.nodes.get(self.node).is_some_and(|node| node.original.is_some())
    }

    /// The inputs on the path, in the order of a run: for an instance in the order of its original's.
    fn inputs(&self, function: &Function) -> Result<Vec<Input<'a>>, Refused> {
        let edges = self.path.inputs_of(self.graph, self.node);
        if !self.is_instance() {
            let mapping = function.keyword("inputMapping").filter(|_| function.kind == NodeKind::Polars);
            let named = |edge: &Edge| {
                let members = mapping.map(|m| m.value.members()).unwrap_or_default();
                let logical = members.iter().find(|member| member.value.text() == Some(edge.input.as_str()));
                logical.map_or_else(|| edge.input.clone(), |member| member.key.clone())
            };
            let inputs = edges.into_iter();
            return Ok(inputs
                .map(|edge| Input { read_as: named(edge), own: edge.input.clone(), edge })
                .collect());
        }
        let refused = || {
            self.refusal(
                format!("the inputs of the instance `{}` cannot be matched", self.graph.id(self.node)),
                "give every input of the original with `inputMapping`",
            )
        };
        let pairs = instance_pairs(self.graph, self.node).map_err(|_| refused())?;
        if function.keyword("inputMapping").is_some() {
            return Err(self.refusal(
                format!(
                    "`{}` is an instance of a node with an `inputMapping` of its own",
                    self.graph.id(self.node)
                ),
                "rename the parameters of the original instead",
            ));
        }
        pairs
            .into_iter()
            // A switch on the path keeps its live input only.
            .filter_map(|(read_as, own)| {
                let edge = edges.iter().find(|edge| edge.input == own);
                match edge {
                    None if function.kind == NodeKind::LiveSwitch => None,
                    None => Some(Err(refused())),
                    Some(edge) => Some(Ok(Input { read_as, own, edge })),
                }
            })
            .collect()
    }

    fn work(&self, function: &Function, name: &str, inputs: &[Input<'_>]) -> Result<Written, Refused> {
        let stands_in = function.kind == NodeKind::DataInput && self.path.inputs.contains(&self.node);
        match function.kind {
            NodeKind::Polars => self.transform(function, name, inputs),
            NodeKind::LiveSwitch => Ok(self.switch(name, inputs)),
            NodeKind::ExternalFile if function.is_hook() => self.external(function, name, inputs),
            _ if function.is_hook() => Ok(self.hook(function, name, inputs, stands_in)),
            _ => self.declaration(function, name, inputs, stands_in),
        }
    }

    /// A transform: the function as written. Where its names are not those of the inputs, they are bound first.
    fn transform(&self, function: &Function, name: &str, inputs: &[Input<'_>]) -> Result<Written, Refused> {
        let Some(module) = self.module() else { return Ok(Written::default()) };
        // In a run inputs go by name, so the order is that of the parameters.
        let mut ordered: Vec<&Input<'_>> = Vec::new();
        for parameter in &function.parameters {
            match inputs.iter().find(|input| input.read_as == parameter.name) {
                Some(input) => ordered.push(input),
                None => {
                    return Err(self.refusal(
                        format!("nothing is connected to the parameter `{}` of `{name}`", parameter.name),
                        "connect it or remove it",
                    ));
                }
            }
        }
        let is_verbatim = ordered.iter().all(|input| input.read_as == input.own);
        let returns = function.body == BodyShape::Assigns;
        let text = if is_verbatim {
            python::function(module, function, name, None, &[], returns)
        } else {
            let parameters: Vec<&str> = ordered.iter().map(|input| input.own.as_str()).collect();
            let first = [rebinding(&ordered)];
            python::function(module, function, name, Some(&parameters.join(", ")), &first, returns)
        };
        Ok(Written {
            functions: vec![format!("@{}.polars\n{text}", self.receiver)],
            wires: ordered.iter().map(|input| wire(input, name)).collect(),
        })
    }

    /// A switch: what is live passes through.
    fn switch(&self, name: &str, inputs: &[Input<'_>]) -> Written {
        let Some(input) = inputs.first() else { return Written::default() };
        let parameter = identifier(&input.own);
        let text = format!("@{}.polars\ndef {name}({parameter}):\n    return {parameter}\n", self.receiver);
        Written { functions: vec![text], wires: vec![wire(input, name)] }
    }

    /// A node that is its settings.
    fn declaration(
        &self,
        function: &Function,
        name: &str,
        inputs: &[Input<'_>],
        stands_in: bool,
    ) -> Result<Written, Refused> {
        let names_matter = matches!(function.kind, NodeKind::Output | NodeKind::OptimiserApply);
        let in_submodel = self.receiver == "submodel";
        if names_matter && in_submodel && inputs.len() > 1 && inputs.iter().any(|i| i.read_as != i.own) {
            return Err(self.refusal(
                format!("the instance `{name}` inside a submodel has several inputs under other names"),
                "write the node out instead of an instance",
            ));
        }
        let mut parameters: Vec<String> = Vec::new();
        for input in inputs {
            let name = if names_matter { &input.read_as } else { &input.own };
            let mut parameter = identifier(name).into_owned();
            while parameters.contains(&parameter) {
                parameter.push('_');
            }
            parameters.push(parameter);
        }
        let decorator = self.decorator(function, stands_in)?;
        let parameters = if function.kind.is_source() { String::new() } else { parameters.join(", ") };
        let mut wires: Vec<Wire> = inputs.iter().map(|input| wire(input, name)).collect();
        if function.kind == NodeKind::EdgeJoin {
            for (wire, input) in wires.iter_mut().zip(inputs) {
                wire.target_port.clone_from(&input.edge.target_port);
            }
            wires.sort_by_key(|wire| wire.target_port.as_deref() != Some("base"));
        }
        if function.kind.is_source() {
            wires.clear();
        }
        Ok(Written { functions: vec![format!("{decorator}\ndef {name}({parameters}): ...\n")], wires })
    }

    /// A hook: as written where `score` passes it what its parameters name, else its settings and its code apart.
    fn hook(&self, function: &Function, name: &str, inputs: &[Input<'_>], stands_in: bool) -> Written {
        let Some(module) = self.module() else { return Written::default() };
        let returns = function.body == BodyShape::Assigns;
        let decorator = self.decorator(function, stands_in).unwrap_or_default();
        let is_source = function.kind.is_source();
        let more: Vec<&str> = inputs.iter().skip(1).map(|input| input.own.as_str()).collect();
        let named: Vec<&str> = function.input_parameters().iter().map(|p| p.name.as_str()).collect();
        let reads_first = inputs.first().is_some_and(|input| function.reads.contains(&input.read_as));
        let is_renamed = inputs.iter().any(|input| input.read_as != input.own);
        if !is_renamed && !stands_in && !reads_first && (is_source || named == more) {
            let parameters = is_source.then_some("df");
            let text = python::function(module, function, name, parameters, &[], returns);
            let wires =
                if is_source { Vec::new() } else { inputs.iter().map(|input| wire(input, name)).collect() };
            return Written { functions: vec![format!("{decorator}\n{text}")], wires };
        }
        let work = format!("{name}__work");
        let own: Vec<String> = inputs.iter().map(|input| identifier(&input.own).into_owned()).collect();
        let of_work = if is_source { String::new() } else { own.join(", ") };
        // The code gets every input it names, its own result first.
        let used: Vec<&Input<'_>> = inputs
            .iter()
            .filter(|input| {
                function.reads.contains(&input.read_as) || named.contains(&input.read_as.as_str())
            })
            .collect();
        let parameters: Vec<&str> =
            std::iter::once("df").chain(used.iter().map(|input| input.own.as_str())).collect();
        let first: Vec<String> =
            if is_renamed && !used.is_empty() { vec![rebinding(&used)] } else { Vec::new() };
        let text = python::function(module, function, name, Some(&parameters.join(", ")), &first, returns);
        let mut wires: Vec<Wire> =
            if is_source { Vec::new() } else { inputs.iter().map(|input| wire(input, &work)).collect() };
        wires.push(Wire { from: From::Local(work.clone()), to: name.to_owned(), target_port: None });
        wires.extend(used.iter().map(|input| wire(input, name)));
        Written {
            functions: vec![
                format!("{decorator}\ndef {work}({of_work}): ...\n"),
                format!("@{}.polars\n{text}", self.receiver),
            ],
            wires,
        }
    }

    /// An external file's hook: its inputs and the object, `df` being the first input.
    fn external(&self, function: &Function, name: &str, inputs: &[Input<'_>]) -> Result<Written, Refused> {
        let Some(module) = self.module() else { return Ok(Written::default()) };
        let named: Vec<&str> = function.parameters.iter().map(|p| p.name.as_str()).collect();
        let first = inputs.first().map(|input| input.read_as.as_str());
        if !named.is_empty() && named.first().copied() != first {
            return Err(self.refusal(
                format!("the first parameter of `{name}` is not its first input"),
                "connect the inputs of this node in the order of its parameters",
            ));
        }
        let is_verbatim = inputs.iter().map(|input| input.read_as.as_str()).eq(named.iter().copied())
            && inputs.iter().all(|input| input.read_as == input.own);
        let (_, body) = python::body(module, function);
        let mut lines = Vec::new();
        let parameters = if is_verbatim {
            None
        } else {
            let own: Vec<&str> = inputs.iter().map(|input| input.own.as_str()).collect();
            if inputs.iter().any(|input| input.read_as != input.own) {
                lines.push(rebinding(&inputs.iter().collect::<Vec<_>>()));
            }
            Some(format!("{}, *, obj", own.join(", ")))
        };
        if let Some(first) = first
            && !body.contains(&format!("df = {first}"))
        {
            lines.push(format!("df = {first}"));
        }
        let returns = function.body == BodyShape::Assigns;
        let text = python::function(module, function, name, parameters.as_deref(), &lines, returns);
        let decorator = self.decorator(function, false)?;
        Ok(Written {
            functions: vec![format!("{decorator}\n{text}")],
            wires: inputs.iter().map(|input| wire(input, name)).collect(),
        })
    }

    /// The decorator with its settings.
    fn decorator(&self, function: &Function, stands_in: bool) -> Result<String, Refused> {
        let receiver = self.receiver;
        if function.kind == NodeKind::EdgeJoin {
            return Ok(format!("@{receiver}.edge_join({})", join_arguments(function)));
        }
        let Some(sidecar) = &function.settings.sidecar else {
            return Err(self.refusal(
                format!("the node `{}` has its settings in its decorator", function.name),
                "write them to a sidecar and name it with `config=`",
            ));
        };
        let kind = if stands_in { NodeKind::ApiInput } else { function.kind };
        let reference = python::text(&sidecar.reference.replace('\\', "/"));
        Ok(format!("@{receiver}.{}(config={reference})", kind.decorator()))
    }

    /// The column settings of a node as a function: columns that are there are kept, then renamed.
    fn shaping(&self, function: &Function, name: &str, unshaped: &str) -> String {
        let settings = &function.settings.value;
        let mut text =
            format!("@{}.polars\ndef {name}({unshaped}):\n    frame = {unshaped}.lazy()\n", self.receiver);
        if let Some(selected) = settings.get("selected_columns").filter(|value| !value.is_empty()) {
            text.push_str("    columns = frame.collect_schema().names()\n");
            let selected = python::literal(selected);
            let _infallible = writeln!(
                text,
                "    kept = list(dict.fromkeys(name for name in {selected} if name in columns))"
            );
            text.push_str("    if kept and len(kept) < len(columns):\n        frame = frame.select(kept)\n");
        }
        if let Some(renames) = settings.get("column_renames").filter(|value| !value.is_empty()) {
            text.push_str("    columns = frame.collect_schema().names()\n");
            let _infallible = writeln!(text, "    renames = {}", python::literal(renames));
            text.push_str(
                "    renames = {old: new for old, new in renames.items() if old in columns and old != new}\n    if renames:\n        frame = frame.rename(renames)\n",
            );
        }
        text.push_str("    return frame\n");
        text
    }
}

fn wire(input: &Input<'_>, to: &str) -> Wire {
    Wire { from: From::Edge(Box::new(input.edge.clone())), to: to.to_owned(), target_port: None }
}

/// `a, b = x, y`: all at once, as a name may stand on both sides.
fn rebinding(inputs: &[&Input<'_>]) -> String {
    let names: Vec<&str> = inputs.iter().map(|input| input.read_as.as_str()).collect();
    let own: Vec<&str> = inputs.iter().map(|input| input.own.as_str()).collect();
    format!("{} = {}", names.join(", "), own.join(", "))
}

/// The arguments of a join. Polars promises no row order for a join without `maintain_order`, and an answer must
/// stay with its quote, so the order of the base is asked for where the project does not ask for another.
fn join_arguments(function: &Function) -> String {
    let settings = &function.settings.value;
    let left_out = ["contract", "selected_columns", "column_renames", "categorical_levels", "config"];
    let mut arguments: Vec<String> = settings
        .members()
        .iter()
        .filter(|member| !member.key.starts_with('_') && !left_out.contains(&member.key.as_str()))
        .filter(|member| !(is_order(&member.key) && member.value.is_empty()))
        .map(|member| format!("{}={}", member.key, python::literal(&member.value)))
        .collect();
    let has_order = settings.members().iter().any(|member| is_order(&member.key) && !member.value.is_empty());
    let order = match settings.text_at("how").unwrap_or("left") {
        "right" => Some("right"),
        "cross" => None,
        "full" => Some("left_right"),
        _ => Some("left"),
    };
    if let Some(order) = order.filter(|_| !has_order) {
        arguments.push(format!("maintain_order={}", python::text(order)));
    }
    arguments.join(", ")
}

fn is_order(key: &str) -> bool {
    matches!(key, "maintain_order" | "maintainOrder")
}
