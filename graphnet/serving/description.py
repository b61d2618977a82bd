"""What a server says of itself: OpenAPI, made from the model's own spec, and a short summary."""

from __future__ import annotations

from typing import Any

from graphnet.answering.answers import Answers, Output
from graphnet.serving.fields import Cells
from graphnet.serving.reading import JSON, Reader

Json = dict[str, Any]
MOST_LABELS = 1000
"""That a description lists."""
MOST_TOP = 10_000
INTERFACE = "1"
"""The version of the paths, and of what they take and give."""
WRONG = {
    "400": "The body, or a parameter, cannot be read.",
    "421": "Another server's name stands in the Host header.",
    "408": "The request came too slowly.",
    "413": "The body, or the picture in it, is too large.",
    "415": "The body is of another content type, or is compressed.",
    "422": "The body can be read, and does not fit the model.",
    "429": "Too many requests wait on one connection.",
    "431": "The head of the request is too long.",
    "500": "The server is at fault.",
    "503": "Too many requests wait, or the server stops: come back a second later.",
}


class Description:
    """What a model takes and answers.

    Source: OpenAPI 3.1.
    """

    def __init__(self, answers: Answers, reader: Reader) -> None:
        self.answers = answers
        self.reader = reader

    def summary(self) -> Json:
        """The model in a few lines, for people."""
        spec = self.answers.net.spec
        inputs = {name: self._input(name) for name in self.reader.fields}
        found: Json = {"model": spec.name}
        if spec.doc:
            found["doc"] = spec.doc
        return found | {
            "inputs": inputs,
            "outputs": {one.name: self._output(one) for one in self.answers.outputs},
            "predict": f"POST /predict ({', '.join(self.reader.media)})",
            "samples": f"{self.reader.most} a request at most",
            "more": ["/openapi.json", "/healthz", "/metrics"],
        }

    def _input(self, name: str) -> Json:
        given = self.reader.net.spec.inputs[name]
        found: Json = {"shape": list(given.shape)}
        field = self.reader.fields[name]
        if isinstance(field, Cells):
            found["columns"] = dict(list(field.kinds.items())[:MOST_LABELS])
        if given.image is not None:
            found["picture"] = {"size": list(given.image.size), "mode": given.image.mode}
        if given.text is not None:
            found["text"] = given.text.unit
        return found

    def _output(self, output: Output) -> Json:
        found: Json = {"says": output.what.replace("_", " or ")}
        if output.labels:
            found["labels"] = list(output.labels[:MOST_LABELS])
        return found

    def openapi(self) -> Json:
        """The whole interface."""
        spec = self.answers.net.spec
        info: Json = {"title": spec.name, "version": INTERFACE}
        if spec.doc:
            info["description"] = spec.doc
        text = {"text/plain": {"schema": {"type": "string"}}}
        return {
            "openapi": "3.1.0",
            "info": info,
            "paths": {
                "/predict": {"post": self._predict()},
                "/": {"get": _get("summary", "What the model takes and says.")},
                "/healthz": {"get": _get("health", "Whether requests are answered.")},
                "/metrics": {"get": _get("metrics", "Figures, as Prometheus reads them.", text)},
                "/openapi.json": {"get": _get("openapi", "This description.")},
            },
            "components": {"schemas": {"Error": _ERROR, "Answer": self._answer()}},
        }

    def _predict(self) -> Json:
        one = {"$ref": "#/components/schemas/Answer"}
        several = {
            "type": "object",
            "properties": {"answers": {"type": "array", "items": one, "minItems": 1}},
            "required": ["answers"],
            "additionalProperties": False,
        }
        content: Json = {JSON: {"schema": self._body()}}
        for media in self.reader.media[1:]:
            content[media] = {"schema": {}}
        return {
            "operationId": "predict",
            "summary": "What the model says of a sample, or of several.",
            "parameters": self._parameters(),
            "requestBody": {"required": True, "content": content},
            "responses": {
                "200": _json("The answer.", {"anyOf": [one, several]}),
                **{code: _error(what) for code, what in WRONG.items()},
            },
        }

    def _parameters(self) -> list[Json]:
        if self.answers.only is None:
            return []
        flag = {"type": "string", "enum": ["true", "false"]}
        number = {"type": "integer", "minimum": 1, "maximum": MOST_TOP}
        return [
            _query("probabilities", "Turn scores into probabilities.", flag),
            _query("top", "The K best classes in place of all scores.", number),
        ]

    def _body(self) -> Json:
        """One sample, or several: each input, or each column, as a list of so many."""
        reader = self.reader
        if reader.columns:
            fields = [reader.fields[name] for name in reader.open]
            cells = {
                key: [field.cell_schema(key)]
                for field in fields
                if isinstance(field, Cells)
                for key in field.kinds
            }
            unused = {k for field in fields if isinstance(field, Cells) for k in field.unused}
            return self._one_or_several(cells, list(cells), {key: {} for key in unused})
        schemas = {name: field.schemas() for name, field in reader.fields.items()}
        return self._one_or_several(schemas, reader.open, {})

    def _one_or_several(
        self, ways: dict[str, list[Json]], required: list[str], besides: Json
    ) -> Json:
        def of(properties: Json) -> Json:
            return {
                "type": "object",
                "properties": properties | besides,
                "required": required,
                "additionalProperties": False,
            }

        # Lists of equal lengths cannot be said in a schema; lists of one are.
        most = self.reader.most if len(ways) == 1 else 1
        one, several = {}, {}
        for name, items in ways.items():
            lists = [
                {"type": "array", "items": item, "minItems": 1, "maxItems": most} for item in items
            ]
            one[name], several[name] = _any_of(items), _any_of(lists)
        return {"anyOf": [of(one), of(several)]} if required else of(one)

    def _answer(self) -> Json:
        found = {one.name: _said(one) for one in self.answers.outputs}
        note = {"note": {"type": "string"}}
        if len(found) == 1:
            (only,) = found.values()
            return only | {"properties": only["properties"] | note}
        outputs = {"type": "object", "properties": found, "required": list(found)}
        return {
            "type": "object",
            "properties": {"outputs": outputs, **note},
            "required": ["outputs"],
            "additionalProperties": False,
        }


def _said(output: Output) -> Json:
    """One output's answer."""
    number: Json = {"type": "number"}
    label: Json = {"type": "string"}
    if output.labels and len(output.labels) <= MOST_LABELS:
        label["enum"] = list(output.labels)
    index = {"type": "integer", "minimum": 0}
    best = {
        "type": "object",
        "properties": {"label": label, "index": index, "score": number},
        "required": ["label", "index", "score"],
        "additionalProperties": False,
    }
    if output.what == "numbers":
        properties: Json = {"values": {}}
        required = ["values"]
    elif output.what == "yes_no":
        properties = {
            "labels": {"type": "array", "items": label},
            "scores": {"type": "array", "items": number},
            "top": {"type": "array", "items": best},
        }
        required = ["labels"]
    else:
        properties = {
            "label": label,
            "index": index,
            "scores": {"type": "array", "items": number},
            "top": {"type": "array", "items": best},
        }
        required = ["label", "index"]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _any_of(schemas: list[Json]) -> Json:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


_ERROR: Json = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
    "additionalProperties": False,
}


def _json(what: str, schema: Json) -> Json:
    return {"description": what, "content": {JSON: {"schema": schema}}}


def _error(what: str) -> Json:
    return _json(what, {"$ref": "#/components/schemas/Error"})


def _get(name: str, what: str, content: Json | None = None) -> Json:
    answer = {"description": what, "content": content or {JSON: {"schema": {"type": "object"}}}}
    responses = {"200": answer, "400": _error(WRONG["400"]), "421": _error(WRONG["421"])}
    if name == "health":
        responses["503"] = _json("The server stops.", {"type": "object"})
    return {"operationId": name, "summary": what, "responses": responses}


def _query(name: str, what: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "required": False, "description": what, "schema": schema}
