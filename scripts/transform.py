"""Prints template.yaml as SAM's macro transforms it at a deployment, with a DeploymentType.

Usage: scripts/sam.sh python scripts/transform.py AllAtOnce

cfn-lint and sam validate transform it with the default only. A parameter decides whether there
is CodeDeploy, so the other form has other resources.
"""

import json
import logging
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

logging.disable(logging.WARNING)  # of a switch that AWS sets
with open("template.yaml", encoding="utf-8") as file:
    template = yaml_parse(file.read())
parameters = {name: p["Default"] for name, p in template["Parameters"].items()}
parameters["DeploymentType"] = sys.argv[1]
if sys.argv[1] not in template["Parameters"]["DeploymentType"]["AllowedValues"]:
    sys.exit(f"{sys.argv[1]} is not a DeploymentType")
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
transformed = Translator({}, Parser()).translate(template, parameters)
groups = [r for r in transformed["Resources"].values() if r["Type"] == "AWS::CodeDeploy::DeploymentGroup"]
if len(groups) != (0 if sys.argv[1] == "AllAtOnce" else 7):
    sys.exit(f"{len(groups)} deployment groups with {sys.argv[1]}")
json.dump(transformed, sys.stdout, indent=1)
