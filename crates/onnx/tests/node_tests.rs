//! The conformance suite of ONNX: the node tests that the wheel `onnx` 1.22.0 ships, and three more families of it. `cargo xtask onnx-tests` fetches them.
//!
//! A case is in scope where its inputs and outputs are tensors of `float`, `int32`, `int64` or `bool`, and the table of operators has all that it uses.
//! Each such case passes, or stands in `not_passing.txt` with the reason. All others must be refused, by a list of what is not supported.

#![allow(clippy::print_stdout)] // the score

use adaline_graph::backend::Backend;
use adaline_onnx::import::{Elements, ImportError, Kind, Limits, OnnxModel, OnnxTensor, operators};
use adaline_onnx::proto::{self, data_type};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FAMILIES: [&str; 4] = ["node", "simple", "pytorch-converted", "pytorch-operator"];

/// What networks of layers are made of: a score that does not move when operators are added.
const CORE: &str = "Gemm MatMul Add Sub Mul Div Pow Sqrt Exp Log Neg Abs Max Min Clip Cast Constant Identity Where Equal Greater Less Not And Or Reshape \
    Flatten Transpose Squeeze Unsqueeze Concat Split Slice Gather Pad Expand Tile Shape ConstantOfShape DepthToSpace SpaceToDepth Conv ConvTranspose \
    MaxPool AveragePool GlobalAveragePool GlobalMaxPool Resize BatchNormalization LayerNormalization InstanceNormalization GroupNormalization \
    RMSNormalization LRN LpNormalization LSTM GRU RNN Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Softmax \
    LogSoftmax Gelu Mish Swish ThresholdedRelu Erf ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL2 ArgMax ArgMin TopK Mean Sum Dropout \
    OneHot Einsum Attention QuantizeLinear DequantizeLinear QLinearConv QLinearMatMul MatMulInteger ConvInteger DynamicQuantizeLinear";

fn folder() -> PathBuf {
    std::env::var_os("ONNX_NODE_TESTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/onnx-node-tests"), PathBuf::from)
}

/// Operators of a graph and of graphs within.
fn operators_of(graph: &proto::Graph, all: &mut BTreeSet<String>) {
    for node in &graph.node {
        let domain = if node.domain.is_empty() || node.domain == "ai.onnx" { String::new() } else { format!("{}.", node.domain) };
        all.insert(format!("{domain}{}", node.op_type));
        for graph in node.attribute.iter().filter_map(|a| a.g.as_ref()) {
            operators_of(graph, all);
        }
    }
}

fn plain(value: &proto::ValueInfo) -> bool {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    tensor.is_some_and(|t| [data_type::FLOAT, data_type::INT32, data_type::INT64, data_type::BOOL].contains(&t.elem_type))
}

/// A tensor of a file of the suite, read by the message's own rules.
fn tensor(path: &Path) -> Result<OnnxTensor, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let t = proto::Tensor::decode(&bytes[..]).map_err(|e| e.to_string())?;
    let dims: Vec<usize> = t.dims.iter().map(|&d| d as usize).collect();
    let raw = t.raw_data.as_deref();
    let (kind, elements) = match t.data_type {
        data_type::FLOAT => (
            Kind::F32,
            Elements::F32(raw.map_or(t.float_data, |r| r.chunks_exact(4).map(|c| f32::from_le_bytes(c.try_into().unwrap())).collect())),
        ),
        data_type::INT32 => (
            Kind::I32,
            Elements::Int(match raw {
                Some(r) => r.chunks_exact(4).map(|c| i64::from(i32::from_le_bytes(c.try_into().unwrap()))).collect(),
                None => t.int32_data.iter().map(|&v| i64::from(v)).collect(),
            }),
        ),
        data_type::INT64 => (
            Kind::I64,
            Elements::Int(raw.map_or(t.int64_data, |r| r.chunks_exact(8).map(|c| i64::from_le_bytes(c.try_into().unwrap())).collect())),
        ),
        data_type::BOOL => (
            Kind::Bool,
            Elements::Bool(raw.map_or_else(|| t.int32_data.iter().map(|&v| v != 0).collect(), |r| r.iter().map(|&b| b != 0).collect())),
        ),
        other => return Err(format!("type {other}")),
    };
    OnnxTensor::new(kind, &dims, elements).ok_or_else(|| format!("{} does not hold {dims:?}", path.display()))
}

fn close(got: &OnnxTensor, expected: &OnnxTensor) -> Result<(), String> {
    if got.dims() != expected.dims() || got.kind() != expected.kind() {
        return Err(format!("expected {} {:?}, got {} {:?}", expected.kind(), expected.dims(), got.kind(), got.dims()));
    }
    let (a, b) = (got.to_f64(), expected.to_f64());
    let near = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-7 + 1e-3 * b.abs();
    let exact = !expected.kind().is_float();
    match a.iter().zip(&b).position(|(&a, &b)| if exact { a != b } else { !near(a, b) }) {
        None => Ok(()),
        Some(i) => Err(format!("element {i}: expected {}, got {}", b[i], a[i])),
    }
}

fn case(folder: &Path, bytes: &[u8], backend: &Arc<dyn Backend>) -> Result<(), String> {
    let mut model = OnnxModel::read(bytes, backend.clone(), Limits::default()).map_err(|e| e.to_string())?;
    let names: Vec<String> = model.inputs().iter().map(|i| i.name.clone()).collect();
    for set in 0.. {
        let data = folder.join(format!("test_data_set_{set}"));
        if !data.exists() {
            return if set == 0 { Err("it has no data".into()) } else { Ok(()) };
        }
        let given: Vec<OnnxTensor> = (0..names.len()).map(|i| tensor(&data.join(format!("input_{i}.pb")))).collect::<Result<_, _>>()?;
        let inputs: Vec<(&str, &OnnxTensor)> = names.iter().map(String::as_str).zip(&given).collect();
        let outputs = model.run(&inputs).map_err(|e| e.to_string())?;
        for (i, got) in outputs.iter().enumerate() {
            close(got, &tensor(&data.join(format!("output_{i}.pb")))?).map_err(|e| format!("output {i}: {e}"))?;
        }
    }
    Ok(())
}

#[test]
fn the_conformance_suite_passes_but_for_a_list() {
    let root = folder().join("onnx/backend/test/data");
    assert!(
        root.is_dir(),
        "the node tests of ONNX are not in {}: run `cargo xtask onnx-tests`, which fetches them, or name their folder in ONNX_NODE_TESTS",
        folder().display()
    );
    let listed: BTreeMap<&str, &str> = include_str!("not_passing.txt")
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(|l| l.split_once(": ").expect("a line is `family/case: reason`"))
        .collect();
    let backend: Arc<dyn Backend> = backend();
    let known: BTreeSet<&str> = operators().collect();
    let core: BTreeSet<&str> = CORE.split_whitespace().collect();
    let (mut failed, mut passed, mut wrong) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    let mut score: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for family in FAMILIES {
        let mut cases: Vec<PathBuf> = std::fs::read_dir(root.join(family)).unwrap().map(|e| e.unwrap().path()).collect();
        cases.sort();
        for folder in cases {
            let Ok(bytes) = std::fs::read(folder.join("model.onnx")) else { continue };
            let name = format!("{family}/{}", folder.file_name().unwrap().to_string_lossy());
            let model = proto::Model::decode(&bytes[..]).unwrap();
            let graph = model.graph.as_ref().unwrap();
            let mut operators = BTreeSet::new();
            operators_of(graph, &mut operators);
            let plain = graph.input.iter().chain(&graph.output).all(plain);
            let s = score.entry(family).or_default();
            if plain && operators.iter().all(|o| known.contains(o.as_str())) {
                let result = case(&folder, &bytes, &backend);
                let core = operators.iter().all(|o| core.contains(o.as_str()));
                s[1] += 1;
                s[3] += usize::from(core);
                match result {
                    Ok(()) => {
                        s[0] += 1;
                        s[2] += usize::from(core);
                        passed.insert(name);
                    }
                    Err(e) => drop(failed.insert(name, e)),
                }
            } else if let Err(e) = OnnxModel::read(&bytes, backend.clone(), Limits::default()) {
                if !matches!(e, ImportError::Unsupported { .. }) {
                    wrong.push(format!("{name}: it is out of scope, and refused as {e}"));
                }
            } else if plain {
                wrong.push(format!("{name}: operators that are not in the table were read"));
            }
        }
    }
    for (family, [passed, all, core, core_all]) in &score {
        println!("{family}: {passed} of {all} pass; of those made of layers' operators {core} of {core_all}");
    }
    wrong.extend(failed.iter().filter(|(n, _)| !listed.contains_key(n.as_str())).map(|(n, e)| format!("{n}: {e}")));
    wrong.extend(listed.keys().filter(|n| !failed.contains_key(**n)).map(|n| {
        let why = if passed.contains(*n) { "it passes" } else { "there is no such case in scope" };
        format!("{n}: it is in not_passing.txt, and {why}")
    }));
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Numerical Recipes' generator is enough to choose bits.
struct Chance(u32);
impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n.max(1)
    }
    /// A number that is wrong in many places.
    fn number(&mut self) -> i64 {
        [0, 1, -1, 2, 3, -2, 5, 7, 11, 100, 1 << 20, 1 << 33, 1 << 62, i64::MAX, i64::MIN, -(1 << 40)][self.below(16)]
    }
}

/// Some bits of a file changed.
fn bits(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..2 {
        let at = chance.below(changed.len());
        changed[at] ^= 1 << chance.below(8);
    }
    changed
}
/// A number, a size, an input or a text of a model changed.
fn numbers(model: &proto::Model, chance: &mut Chance) -> Vec<u8> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().unwrap();
    for _ in 0..=chance.below(3) {
        let node = chance.below(graph.node.len());
        match chance.below(6) {
            0 => {
                let at = chance.below(graph.input.len());
                let shape = graph.input.get_mut(at).and_then(|i| i.r#type.as_mut()?.tensor_type.as_mut()?.shape.as_mut());
                if let Some(shape) = shape {
                    match chance.below(3) {
                        0 => drop(shape.dim.pop()),
                        1 => shape.dim.push(proto::Dimension { dim_value: Some(chance.number().clamp(0, 1 << 20)), dim_param: None }),
                        _ if shape.dim.is_empty() => {}
                        _ => {
                            let axis = chance.below(shape.dim.len());
                            shape.dim[axis].dim_value = Some(chance.number().clamp(0, 1 << 20));
                        }
                    }
                }
            }
            1 => {
                let inputs: Vec<String> = graph.input.iter().map(|i| i.name.clone()).chain([String::new()]).collect();
                let at = chance.below(graph.node[node].input.len());
                if let Some(input) = graph.node[node].input.get_mut(at) {
                    input.clone_from(&inputs[chance.below(inputs.len())]);
                }
            }
            _ => {
                let at = chance.below(graph.node[node].attribute.len());
                let Some(a) = graph.node[node].attribute.get_mut(at) else { continue };
                a.i = a.i.map(|_| chance.number());
                a.f = a.f.map(|_| chance.number() as f32 * 0.5);
                let n = a.ints.len();
                match chance.below(3) {
                    0 => a.ints.push(chance.number()),
                    1 => drop(a.ints.pop()),
                    _ if n > 0 => a.ints[chance.below(n)] = chance.number(),
                    _ => {}
                }
                if let Some(t) = &mut a.t
                    && let Some(raw) = &mut t.raw_data
                    && t.data_type == data_type::INT64
                    && raw.len() >= 8
                {
                    raw[..8].copy_from_slice(&chance.number().to_le_bytes());
                }
            }
        }
    }
    model.encode_to_vec()
}

/// Small models of the suite changed: each operator with attributes, constants and shapes that are none. Inputs that decide shapes get
/// absurd values too.
#[test]
fn changed_models_of_the_suite_are_errors_at_worst() {
    let root = folder().join("onnx/backend/test/data/node");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&root).expect("run `cargo xtask onnx-tests`").map(|e| e.unwrap().path()).collect();
    cases.sort();
    let (mut read, mut traced, mut chance) = (0, 0, Chance(1));
    for folder in cases {
        let Ok(bytes) = std::fs::read(folder.join("model.onnx")) else { continue };
        let model = proto::Model::decode(&bytes[..]).unwrap();
        for round in 0..if bytes.len() < 2048 { ROUNDS } else { ROUNDS / 8 } {
            let changed = if round % 4 == 0 { bits(&bytes, &mut chance) } else { numbers(&model, &mut chance) };
            let begin = std::time::Instant::now();
            if let Ok(model) = OnnxModel::read(&changed, backend(), Limits::small()) {
                read += 1;
                let size = |d: &Result<usize, String>| d.as_ref().copied().unwrap_or(2);
                let dims: Vec<Vec<usize>> = model.inputs().iter().map(|i| i.dims.iter().flatten().map(size).collect()).collect();
                let value = chance.number();
                traced += usize::from(model.trace_shapes_with(&dims, value as f64).is_ok());
            }
            assert!(begin.elapsed().as_secs() < 2, "{} took {:?}", folder.display(), begin.elapsed());
        }
    }
    assert!(
        read > 5000 && traced > 1000 && traced < read,
        "{read} of the changed models are read, {traced} traced: the changes test little"
    );
}
/// Changed models of each case.
const ROUNDS: usize = 16;

fn backend() -> Arc<dyn Backend> {
    Arc::new(adaline_graph::reference::Reference::default())
}
