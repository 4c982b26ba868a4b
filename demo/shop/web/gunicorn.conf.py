"""How gunicorn serves the shop."""
bind = "0.0.0.0:8000"
workers = 1
worker_tmp_dir = "/dev/shm"
timeout = 20
graceful_timeout = 3
