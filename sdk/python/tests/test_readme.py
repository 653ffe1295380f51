"""The blocks of the README, written to the files that they are called, and run as they stand there."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SDK = pathlib.Path(__file__).parent.parent
BLOCK = re.compile(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Readme(unittest.TestCase):
    def test_every_block_runs(self):
        text = (SDK / "README.md").read_text()
        blocks = BLOCK.findall(text)
        self.assertEqual(len(blocks), text.count("```python\n"), "a block without a name")
        names = [name for name, _ in blocks]
        self.assertEqual(names, ["agent.py", "test_slogan.py", "gather.py"])
        with tempfile.TemporaryDirectory() as folder:
            for name, block in blocks:
                (pathlib.Path(folder) / name).write_text(block)
            for name in names:
                with self.subTest(name):
                    self.run_block(folder, name)

    def run_block(self, folder: str, name: str) -> None:
        path = {"PYTHONPATH": str(SDK), "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(
            [sys.executable, name],
            cwd=folder,
            env={**os.environ, **path},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)


if __name__ == "__main__":
    unittest.main()
