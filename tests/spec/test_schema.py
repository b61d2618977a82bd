"""The JSON Schema that ships: what an editor knows of a spec."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from graphnet.spec.examples import TYPED
from graphnet.spec.expansion import expand
from graphnet.spec.schema import FAMILIES, schema_text

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "graphnet" / "spec" / "graphnet.schema.json"
BROKEN = Path(__file__).parent / "broken"

STRUCTURE = [
    "001_layer_type_misspelt",
    "002_layer_type_unknown",
    "003_attribute_misspelt",
    "004_attribute_missing",
    "005_attribute_of_another_layer",
    "006_units_in_quotes",
    "008_units_zero",
    "010_initializer_misspelt",
    "011_initializer_as_text",
    "012_initializer_std_negative",
    "013_optimizer_misspelt",
    "014_node_without_id",
    "015_node_without_type",
    "016_node_id_with_hyphen",
    "017_node_id_with_dot",
    "020_nodes_as_object",
    "022_edge_path_not_nested",
    "023_edge_with_one_name",
    "041_shape_with_zero",
    "042_shape_as_number",
    "045_value_as_text",
    "052_image_mode_misspelt",
    "053_image_attribute_misspelt",
    "057_data_source_misspelt",
    "064_label_twice",
    "065_label_as_number",
    "069_loss_as_text",
    "071_softmax_as_a_node",
    "073_epochs_zero",
    "074_epochs_misspelt",
    "075_learning_rate_zero",
    "076_learning_rate_outside_the_optimizer",
    "077_seed_as_true",
    "078_dtype_misspelt",
    "079_dtype_unknown",
    "080_name_with_a_space",
    "081_name_missing",
    "082_input_without_shape",
    "083_inputs_as_list",
    "084_format_newer",
    "085_format_missing",
    "086_top_level_key_unknown",
    "087_comment_field",
    "088_not_an_object",
    "108_integer_of_20_digits",
    "118_several_mistakes",
    "120_more_than_ten",
    "123_blocks_as_list",
    "124_block_type_misspelt",
    "125_block_attribute_misspelt",
    "126_block_repeat_zero",
    "131_block_argument_in_an_expression",
    "132_block_argument_in_a_list",
    "133_block_argument_as_a_type",
    "135_block_argument_outside_a_block",
    "138_block_without_output",
    "139_block_node_type_misspelt",
    "140_block_node_attribute_misspelt",
    "141_block_node_value_wrong",
    "142_block_node_id_with_slash",
    "161_block_and_several_mistakes",
]
"""Mistakes of structure: a key, a type, a choice, a bound, a missing attribute."""


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(SHIPPED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_file_that_ships_is_the_one_generated():
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), (
        'regenerate it: python -c "from graphnet.spec.schema import write; write()"'
    )


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*.json")), ids=lambda p: p.stem)
def test_the_models_that_ship_are_valid(validator, path):
    validator.validate(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", STRUCTURE)
def test_a_mistake_of_structure_is_refused(validator, name):
    values = json.loads((BROKEN / f"{name}.json").read_text(encoding="utf-8"))
    assert not validator.is_valid(values)


MEANING = [
    "018_node_id_twice",
    "031_cycle",
    "038_add_of_two_shapes",
    "121_block_misspelt",
    "127_block_argument_misspelt",
    "143_block_edge_misspelt",
    "150_block_in_a_circle",
    "160_block_past_the_limit",
]


@pytest.mark.parametrize("name", MEANING)
def test_a_mistake_of_meaning_is_left_to_the_reader(validator, name):
    validator.validate(json.loads((BROKEN / f"{name}.json").read_text(encoding="utf-8")))


def test_names_of_inputs(validator):
    values = json.loads((ROOT / "models" / "apple.json").read_text(encoding="utf-8"))
    values["inputs"]["two words"] = {"shape": []}
    (error,) = validator.iter_errors(values)
    assert "two words" in error.message
    assert list(error.path) == ["inputs"]


def test_an_editor_sees_what_things_mean(validator):
    definitions = validator.schema["$defs"]
    assert definitions["Node.Affine"]["description"].startswith("out = x @ W + b")
    assert definitions["Node.Affine"]["properties"]["units"]["description"]
    types = definitions["Node"]["allOf"][0]["properties"]["type"]
    told = dict(zip(types["enum"], types["enumDescriptions"], strict=True))
    assert told["Affine"] == "out = x @ W + b"


@pytest.fixture
def with_blocks():
    """A spec whose block has an attribute of every kind to put an argument into."""
    path = Path(__file__).parent / "fifty_layers.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    node = {"id": "f", "type": "Affine", "units": "$units", "init": "$init", "share": "$share"}
    values["blocks"]["conv"]["nodes"].append({**node, "bias": "$bias", "shape": "$shape"})
    return values


def test_arguments_stand_inside_blocks(validator, with_blocks):
    validator.validate(with_blocks)
    inner = with_blocks["blocks"]["bottleneck"]["nodes"][0]
    inner.update(repeat="$depth", shape="$shape", args={"channels": [1, {"a": "$b"}]})
    validator.validate(with_blocks)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("nodes", 3, "units"), "$units"),
        (("nodes", 0, "repeat"), "$repeat"),
        (("nodes", 0, "args", "channels"), "$channels"),
        (("nodes", 0, "id"), "a/b"),
        (("nodes", 0, "share"), "$other"),
        (("nodes", 3, "id"), "a/b"),
        (("train",), {"epochs": "$epochs"}),
        (("blocks", "conv", "args", "kernel"), "$kernel"),
        (("blocks", "conv", "args", "two words"), 1),
        (("blocks", "conv", "inputs"), ["$x"]),
        (("blocks", "conv", "inputs"), []),
        (("blocks", "conv", "output"), "$output"),
        (("blocks", "conv", "nodes", 0, "id"), "$id"),
        (("blocks", "conv", "nodes", 0, "type"), "$type"),
        (("blocks", "conv", "nodes", 0, "kernel"), ["$kernel", 3]),
        (("blocks", "conv", "nodes", 0, "init"), {"type": "Normal", "std": "$std"}),
        (("blocks", "conv", "nodes", 0, "kernal"), 3),
        (("blocks", "conv", "width"), 3),
        (("blocks", "bottleneck", "nodes", 0, "block"), "$block"),
        (("blocks", "bottleneck", "nodes", 0, "args"), "$args"),
        (("blocks", "two words"), None),
    ],
)
def test_and_nowhere_else(validator, with_blocks, at, value):
    holder = with_blocks
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value if value is not None else with_blocks["blocks"]["conv"]
    assert not validator.is_valid(with_blocks)


def test_ids_with_slashes_stand_in_expanded_specs(validator, with_blocks):
    plain = expand(
        json.loads((ROOT / "models" / "residual.json").read_text(encoding="utf-8"))
    ).values
    validator.validate(plain)
    assert "/" in plain["nodes"][0]["id"]


def test_an_editor_sees_what_things_mean_inside_a_block(validator):
    definitions = validator.schema["$defs"]
    inside = definitions["BlockBodyNode.Affine"]
    assert inside["description"] == definitions["Node.Affine"]["description"]
    assert {"$ref": "#/$defs/Node.Affine/properties/units"} in inside["properties"]["units"][
        "anyOf"
    ]
    types = definitions["BlockBodyNode"]["allOf"][0]["properties"]["type"]
    assert types["enum"][-1] == "Block"


def resolved(definitions, body):
    """A property with what its references say."""
    while "$ref" in body:
        target, rest = body["$ref"], {k: v for k, v in body.items() if k != "$ref"}
        found = {"$defs": definitions}
        for step in target.removeprefix("#/").split("/"):
            found = found[step]
        body = {**found, **rest}
    return body


def walk(body, at=()):
    """Every schema inside a schema, with its place."""
    if isinstance(body, dict):
        yield at, body
        for key, value in body.items():
            if key not in ("examples", "default", "defaultSnippets", "enum", "const"):
                yield from walk(value, (*at, key))
    elif isinstance(body, list):
        for i, value in enumerate(body):
            yield from walk(value, (*at, i))


def test_every_attribute_says_what_it_is_for(validator):
    definitions = validator.schema["$defs"]
    silent = [
        (*at, key)
        for at, body in walk(validator.schema)
        # In a condition, or beside one, stands what is described elsewhere.
        if "if" not in at and "dependentSchemas" not in at and body.get("type") == "object"
        for key, of_key in body.get("properties", {}).items()
        if not resolved(definitions, of_key).get("description")
    ]
    assert silent == []


def test_every_default_is_in_it(validator):
    definitions = validator.schema["$defs"]
    for family, members in FAMILIES.items():
        for name, declaration in members.items():
            properties = definitions[f"{family}.{name}"]["properties"]
            example = definitions[f"{family}.{name}"]["examples"][0]
            for key, field in declaration.model_fields.items():
                default = field.get_default(call_default_factory=True)
                of_key = resolved(definitions, properties[field.alias or key])
                if field.is_required() or default is None:
                    assert "default" not in of_key
                    continue
                if name == "folder":  # these belong to a table, and are refused without
                    assert of_key["default"] == (list(default) if default == () else default)
                    continue
                said = declaration.model_validate({**example, key: of_key["default"]})
                assert getattr(said, key) == default, (family, name, key)


def test_every_definition_is_used_and_has_an_example(validator):
    used = set(re.findall(r"#/\$defs/([\w.]+)", json.dumps(validator.schema)))
    definitions = validator.schema["$defs"]
    assert used == set(definitions)
    without = [
        name
        for name, body in definitions.items()
        if "examples" not in body and "defaultSnippets" not in body and name != "Argument"
    ]
    assert without == []


def test_every_example_is_valid_where_it_stands(validator):
    for at, body in walk(validator.schema):
        if "default" in body or "examples" in body:
            part = {**body, "$defs": validator.schema["$defs"]}
            here = jsonschema.Draft202012Validator(part)
            for value in (*body.get("examples", ()), *[body[k] for k in body if k == "default"]):
                assert here.is_valid(value), (at, value)


def test_every_snippet_is_what_its_example_says(validator):
    for name in ("Node", "BlockBodyNode", *TYPED):
        family = validator.schema["$defs"][name]
        assert len(family["defaultSnippets"]) == len(family["allOf"]) - 1
        for snippet in family["defaultSnippets"]:
            text = re.sub(r"\$\{\d+:(.*?)\}(?=[,\"}])", r"\1", snippet["bodyText"])
            of_type = validator.schema["$defs"][f"{name}.{snippet['label']}"]
            assert json.loads(text) == of_type["examples"][0]
            assert "\n" not in snippet["bodyText"]
