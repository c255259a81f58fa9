"""`python -m domicile.cli`: the command where it isn't installed as one."""

from domicile.cli.app import main

main()
