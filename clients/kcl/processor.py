"""A record processor as the library's daemon starts one for each shard: writes down what it is given, then checkpoints.

In: KCL_SEEN, a file; KCL_WORKER, who this is. Out: a line for each record, put at the file's end in one write, so that lines of
several processors do not mix and stand in the order in which records were processed.
"""

import json
import os

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor


class Witness(processor.RecordProcessorBase):
    def initialize(self, initialize_input):
        self.shard = initialize_input.shard_id

    def process_records(self, process_records_input):
        lines = []
        for record in process_records_input.records:
            seen = {
                "worker": os.environ["KCL_WORKER"],
                "shard": self.shard,
                "key": record.partition_key,
                "data": record.binary_data.decode(),
            }
            lines.append(json.dumps(seen) + "\n")
        out = os.open(os.environ["KCL_SEEN"], os.O_WRONLY | os.O_APPEND)
        os.write(out, "".join(lines).encode())
        os.close(out)
        process_records_input.checkpointer.checkpoint()

    def lease_lost(self, lease_lost_input):
        pass

    def shard_ended(self, shard_ended_input):
        shard_ended_input.checkpointer.checkpoint()

    def shutdown_requested(self, shutdown_requested_input):
        shutdown_requested_input.checkpointer.checkpoint()


if __name__ == "__main__":
    kcl.KCLProcess(Witness()).run()
