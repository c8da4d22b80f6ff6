"""What the tests stand on does what it says."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from gatewright.db.engine import Database
from gatewright.db.schema import SEQUENCES
from tests.support import provide
from tests.support.binaries import find_chromium, find_postgresql
from tests.support.browser import OpenPage
from tests.support.postgres import Cluster, claim_run_folder, remove_run_folder
