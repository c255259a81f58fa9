# One line over the operator's command `domicile`, and what a fresh machine needs before it can run.
.DEFAULT_GOAL := help
SHELL := /bin/bash
STACK ?= local
SCENARIO ?=
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

up: prepare ## build the images, provision the perimeter of STACK (default: local) and serve a demonstration session
	@domicile up $(STACK) --yes
	@domicile session $(STACK) $(if $(SCENARIO),--scenario $(SCENARIO)) --if-stand-in

session: prepare ## serve a session: the demonstration, or SCENARIO=file.yaml
	@domicile session $(STACK) $(if $(SCENARIO),--scenario $(SCENARIO))

status: prepare ## show the perimeter (JSON=1 for machines)
	@domicile status $(STACK) $(if $(JSON),--json)

key: prepare ## ask for the environment key and put it into the secrets manager
	@domicile key $(STACK)

down: prepare ## remove everything but what was declared retained
	@domicile destroy $(STACK) --yes

check: prepare ## may the stack be applied? configuration, preview, policy pack (REHEARSE=1: a region without an account)
	@domicile check $(STACK) $(if $(REHEARSE),--rehearse)

rehearse: prepare ## apply a region's stack on provider doubles, with no account: STACK=tokyo (EXPORT=file.json keeps its state)
	@domicile rehearse $(STACK) $(if $(EXPORT),--export $(EXPORT))

docs: prepare ## write docs/aws anew from rehearsals of all region stacks (pictures, costs, least rights), and the rules' docs/POLICIES.md
	@$(PYTHON_VENV) -m domicile_policies.report.catalogue > docs/POLICIES.md
	@for stack in tokyo eu uae bahrain us; do domicile rehearse $$stack --kills 0 --docs docs/aws || exit 1; done

test: packages $(VENV)/develop ## run all tests (SUITES="config engine" for some)
	@$(PYTHON_VENV) tests $(SUITES)

lint: packages $(VENV)/develop ## ruff and mypy
	@ruff check . && ruff format --check . && mypy

bench: prepare $(VENV)/develop ## measure, and print the figures of the README
	@$(PYTHON_VENV) tests/bench

PYTHON_VENV := $(VENV)/bin/python

prepare: packages $(VENV)/operator

packages: # Debian packages that the machine lacks
	@./.ci/packages

$(VENV)/operator: requirements/operator.lock pyproject.toml
	@$(PYTHON) -m venv $(VENV)
	@echo "installing the operator's Python packages"
	@$(PYTHON_VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/operator.lock
	@$(PYTHON_VENV) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/develop: requirements/develop.lock $(VENV)/operator
	@echo "installing the packages that tests and lint need"
	@$(PYTHON_VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/develop.lock
	@touch $@

.PHONY: help up session status key down check rehearse docs test lint bench prepare packages
