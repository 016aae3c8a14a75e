"""Starts a Ray cluster on this machine: a head that runs nothing, and two nodes with one processor each.

Clients connect to the port in the argument. Prints the address; then kills a node for each line on stdin, and ends the
cluster when stdin ends.
"""

import sys

from ray.cluster_utils import Cluster

MEMORY = {"object_store_memory": 200_000_000}

if __name__ == "__main__":
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "ray_client_server_port": int(sys.argv[1]),
            **MEMORY,
        },
    )
    nodes = [cluster.add_node(num_cpus=1, wait=True, **MEMORY) for _ in range(2)]
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("killed", flush=True)
    cluster.shutdown()
