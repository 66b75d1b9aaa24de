# rollcall local in a container, for trying and for tests of applications: docs/how-to/docker.md.
# make docker-image builds the program outside, so that no image is fetched, and the image has
# nothing but the program, its licences, and a folder for its data.
FROM scratch
COPY bin/image/root/ /
COPY --chown=65532:65532 bin/image/data/ /data/
USER 65532:65532
ENV HOME=/data XDG_STATE_HOME=/data/state
VOLUME /data
EXPOSE 8080
# The state file leads the command to the server in the same container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/rollcall", "tenant", "list"]
ENTRYPOINT ["/rollcall"]
# Inside of a container, 127.0.0.1 is the container alone. Publish the port on 127.0.0.1 of the
# machine only: tokens travel in plain HTTP.
CMD ["local", "--listen", "0.0.0.0:8080", "--data", "/data/rollcall"]
