"""`earthgptx.v1.Images` on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from protos.earthgptx.v1 import images_pb2, images_pb2_grpc
from services.gateway.engine import Gateway
from services.gateway.rendering import image_info
from shared import rpc_context


class ImagesServicer(images_pb2_grpc.ImagesServicer):
    """`earthgptx.v1.Images`."""

    def __init__(self, gateway: Gateway) -> None:
        """Serves `gateway`."""
        self._gateway = gateway

    async def UploadImage(
        self,
        request_iterator: AsyncIterator[images_pb2.UploadImageRequest],
        context: grpc.aio.ServicerContext[
            images_pb2.UploadImageRequest, images_pb2.UploadImageResponse
        ],
    ) -> images_pb2.UploadImageResponse:
        """Keeps an image that comes in chunks."""
        image = await self._gateway.upload(request_iterator, rpc_context.caller())
        return images_pb2.UploadImageResponse(image=image_info(image))

    async def GetImage(
        self,
        request: images_pb2.GetImageRequest,
        context: grpc.aio.ServicerContext[images_pb2.GetImageRequest, images_pb2.GetImageResponse],
    ) -> images_pb2.GetImageResponse:
        """What is known of an image."""
        image = await self._gateway.image(request.image_id, rpc_context.caller())
        return images_pb2.GetImageResponse(image=image_info(image))

    async def DeleteImage(
        self,
        request: images_pb2.DeleteImageRequest,
        context: grpc.aio.ServicerContext[
            images_pb2.DeleteImageRequest, images_pb2.DeleteImageResponse
        ],
    ) -> images_pb2.DeleteImageResponse:
        """Deletes an image and the features made of it."""
        await self._gateway.delete_image(request.image_id, rpc_context.caller())
        return images_pb2.DeleteImageResponse()

    async def BeginUpload(
        self,
        request: images_pb2.BeginUploadRequest,
        context: grpc.aio.ServicerContext[
            images_pb2.BeginUploadRequest, images_pb2.BeginUploadResponse
        ],
    ) -> images_pb2.BeginUploadResponse:
        """Begins an upload by parts, or goes on with one."""
        upload = await self._gateway.large_uploads.begin(request, rpc_context.caller())
        return images_pb2.BeginUploadResponse(upload=upload)

    async def UploadPart(
        self,
        request_iterator: AsyncIterator[images_pb2.UploadPartRequest],
        context: grpc.aio.ServicerContext[
            images_pb2.UploadPartRequest, images_pb2.UploadPartResponse
        ],
    ) -> images_pb2.UploadPartResponse:
        """Keeps a part."""
        await self._gateway.upload_part(request_iterator, rpc_context.caller())
        return images_pb2.UploadPartResponse()

    async def GetUpload(
        self,
        request: images_pb2.GetUploadRequest,
        context: grpc.aio.ServicerContext[
            images_pb2.GetUploadRequest, images_pb2.GetUploadResponse
        ],
    ) -> images_pb2.GetUploadResponse:
        """An upload as it stands."""
        upload = await self._gateway.large_uploads.find(request.upload_id, rpc_context.caller())
        return images_pb2.GetUploadResponse(upload=upload)

    async def CompleteUpload(
        self,
        request: images_pb2.CompleteUploadRequest,
        context: grpc.aio.ServicerContext[
            images_pb2.CompleteUploadRequest, images_pb2.CompleteUploadResponse
        ],
    ) -> images_pb2.CompleteUploadResponse:
        """Makes an image of the parts."""
        large_uploads = self._gateway.large_uploads
        image = await large_uploads.complete(request.upload_id, rpc_context.caller())
        return images_pb2.CompleteUploadResponse(image=image_info(image))

    async def AbortUpload(
        self,
        request: images_pb2.AbortUploadRequest,
        context: grpc.aio.ServicerContext[
            images_pb2.AbortUploadRequest, images_pb2.AbortUploadResponse
        ],
    ) -> images_pb2.AbortUploadResponse:
        """Deletes an upload."""
        await self._gateway.large_uploads.abort(request.upload_id, rpc_context.caller())
        return images_pb2.AbortUploadResponse()
